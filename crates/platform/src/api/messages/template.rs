//! A message of an approved template.

use rules::{
    Refusal,
    eligibility::{RequestForm, Shows},
    template::{self, Given, GivenPart, GivenValue},
};
use wire::{
    graph::{
        message::Template as Named,
        template::{Given as WireGiven, GivenPart as WirePart, Parameter},
    },
    handset::{ChatKind, ChatLink},
};

use super::{Letter, Written, interactive, unreadable};
use crate::{api::refusals::ApiRefusal, templates};

/// Fills a template, and asks what it asks.
pub(super) async fn write(letter: &Letter<'_>, named: &Named) -> Result<Written, ApiRefusal> {
    let Letter { world, number, .. } = letter;
    let given: Vec<_> = named.given().map_err(unreadable)?.into_iter().map(given).collect();
    let found = templates::find(world, &number.account, &named.name, &named.language).await?;
    let stored = found.ok_or_else(|| Refusal::TemplateUnknown {
        name: named.name.clone(),
        language: named.language.clone(),
        approved_at: None,
    })?;
    stored.review.check(&stored.template, world.clock.now())?;
    let filled = template::fill(&stored.template, &given, &world.book(number))?;

    let (mut entry, mut shows) = (letter.entry(ChatKind::Text), Shows::Text);
    if filled.asks_permission {
        interactive::ask(letter, RequestForm::Template).await?;
        (entry, shows) = (letter.request_entry(), Shows::PermissionRequest);
    } else {
        letter.check(RequestForm::Template).await?;
    }
    entry.header = filled.header;
    entry.text = Some(filled.body);
    entry.footer = filled.footer;
    entry.links =
        filled.links.into_iter().map(|link| ChatLink { text: link.label, url: link.url }).collect();
    if let Some(button) = filled.call {
        interactive::put(&mut entry, button);
        if !filled.asks_permission {
            shows = Shows::CallButton;
        }
    }
    let category = stored.template.category.into();
    Ok(Written { entry, shows, category, status: Some("accepted") })
}

fn given(given: WireGiven) -> Given {
    let part = match given.part {
        WirePart::Header => GivenPart::Header,
        WirePart::Body => GivenPart::Body,
        WirePart::VoiceCall => GivenPart::CallButton,
        WirePart::Url { index } => GivenPart::UrlButton { index },
    };
    let value = |parameter: Parameter| match parameter {
        Parameter::Text(text) => GivenValue::Text(text),
        Parameter::TtlMinutes(minutes) => GivenValue::Minutes(minutes),
        Parameter::Payload(payload) => GivenValue::Payload(payload),
        Parameter::Other { kind } => GivenValue::Other { kind },
    };
    Given { part, values: given.parameters.into_iter().map(value).collect() }
}

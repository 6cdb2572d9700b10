//! How do we ask a user for permission to call, and may we?
//!
//! A free-form request needs an open service window; outside it an approved template asks. How often
//! is the rulebook's word: our own count is looked at first, and when it says no the platform is asked
//! whether it agrees, for it may have forgiven what we do not know of.

use rules::limits::{Ceilings, NumberKind};
use serde::{Deserialize, Serialize};
use switchboard::consent::Grant;
use terms::{MessageId, Timestamp, UserRef};
use wire::{
    graph::message::{Content, Template},
    graph::permission::ActionName,
    handset::ChatKind,
};

use crate::{
    config::PermissionTemplate,
    consent, contacts,
    evidence::{Evidence, Sentence},
    graph::GraphError,
    line::Line,
    office::Office,
    store::StoreError,
};

/// A request that was sent.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = PermissionAsked)]
pub(crate) struct Asked {
    /// The message.
    pub(crate) message_id: MessageId,
    /// As what.
    #[serde(flatten)]
    pub(crate) form: Form,
}

/// What a request is sent as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "form", rename_all = "snake_case")]
pub(crate) enum Form {
    /// With words of ours.
    FreeForm,
    /// By an approved template, whose words are its own.
    Template {
        /// Its name.
        template: String,
        /// Its language.
        language: String,
    },
}

/// Why nobody was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// We may not, for now or at all.
    #[error("{evidence}")]
    Refused {
        /// The rule.
        rule: &'static str,
        /// What it looked at.
        evidence: Evidence,
        /// When that changes by itself.
        changes_at: Option<Timestamp>,
    },
    /// The platform says no, or nothing.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Asks a user for permission to call.
///
/// # Errors
///
/// Why nobody was asked.
pub(crate) async fn ask(
    office: &Office,
    line: &Line,
    to: &UserRef,
    text: Option<String>,
    language: Option<&str>,
) -> Result<Asked, AskError> {
    let known = office.store.contact(line.contact(to)).await?;
    let now = line.now();
    let window = known.and_then(|row| row.window_until);
    let form = choose(window, &line.config.permission_templates, language, now)?;
    check_limits(office, line, to).await?;
    let (content, template, shown) = match &form {
        Form::FreeForm => (Content::CallPermissionRequest { body: text.clone() }, None, text),
        Form::Template { template, language } => {
            let (name, language) = (template.clone(), language.clone());
            let content = Template { name, language, components: Vec::new() };
            (Content::Template(content), Some(template.clone()), None)
        }
    };
    let sent = line.graph.send_message(to.clone(), content).await?;
    let to = &contacts::addressed(to.clone(), &sent);
    let id = sent.messages.into_iter().next().map(|message| message.id);
    let why = "its answer names no message".into();
    let message_id = id.ok_or(GraphError::Unreachable { why })?;
    consent::note_request(office, line, to, &message_id, template).await?;
    let kind = ChatKind::PermissionRequest;
    contacts::note_sent(office, line, to.clone(), &message_id, kind, shown).await?;
    Ok(Asked { message_id, form })
}

/// Free form while the window is open as far as we saw, else a template. A user of whom we know
/// nothing, for whom there is no template, may have a window we did not see: the platform decides.
fn choose(
    window: Option<Timestamp>,
    templates: &[PermissionTemplate],
    language: Option<&str>,
    now: Timestamp,
) -> Result<Form, AskError> {
    if window.is_some_and(|until| until > now) {
        return Ok(Form::FreeForm);
    }
    match (template_for(templates, language), window) {
        (Some(found), _) => {
            Ok(Form::Template { template: found.name.clone(), language: found.language.clone() })
        }
        (None, None) => Ok(Form::FreeForm),
        (None, Some(closed_at)) => {
            let language = language.map(str::to_owned);
            Err(AskError::Refused {
                rule: "window.open",
                evidence: Sentence::NoTemplate { closed_at, language }.into(),
                changes_at: None,
            })
        }
    }
}

/// The template of this language, of its main language, or the first when none is wanted.
fn template_for<'a>(
    templates: &'a [PermissionTemplate],
    language: Option<&str>,
) -> Option<&'a PermissionTemplate> {
    let Some(wanted) = language else { return templates.first() };
    let main = |text: &str| text.split(['_', '-']).next().unwrap_or_default().to_owned();
    let exact = templates.iter().find(|template| template.language == wanted);
    exact.or_else(|| templates.iter().find(|template| main(&template.language) == main(wanted)))
}

async fn check_limits(office: &Office, line: &Line, to: &UserRef) -> Result<(), AskError> {
    let Err(refused) = by_our_count(office, line, to).await? else { return Ok(()) };
    let Ok(said) = line.graph.permissions(to).await else { return Err(refused) };
    consent::reconcile(office, line, to, &said).await?;
    let may = said.action(&ActionName::SendCallPermissionRequest);
    if may.is_some_and(|action| action.can_perform_action) {
        return Ok(());
    }
    // With what the platform counts, the moment may be another.
    by_our_count(office, line, to).await?.and(Err(refused))
}

/// What our own account says, by the rulebook.
async fn by_our_count(
    office: &Office,
    line: &Line,
    to: &UserRef,
) -> Result<Result<(), AskError>, StoreError> {
    let now = line.now();
    let standing = office.store.standing(line.contact(to)).await?;
    if standing.permission(now) == Ok(Grant::Permanent) {
        return Ok(Err(AskError::Refused {
            rule: "permission.already_permanent",
            evidence: by_platform(138_017).into(),
            changes_at: None,
        }));
    }
    let book = &line.config.price.rulebook;
    let ceilings = Ceilings::of(&book.permission, NumberKind::Production);
    let periods = consent::periods(line);
    let limits =
        [(ceilings.requests_per_day, periods.day), (ceilings.requests_per_week, periods.week)];
    let reached = limits
        .into_iter()
        .map(|(max, period)| consent::usage(standing.requests(), max, period, now))
        .filter(rules::limits::Use::is_reached)
        .max_by_key(|used| used.allowed_at);
    Ok(reached.map_or(Ok(()), |used| {
        Err(AskError::Refused {
            rule: "limits.requests",
            evidence: Evidence::new([
                Sentence::RequestsUsed {
                    used: used.used,
                    max: used.max,
                    hours: used.period.as_secs() / 3_600,
                },
                by_platform(138_009),
            ]),
            changes_at: used.allowed_at,
        })
    }))
}

/// What the platform would say by this code.
fn by_platform(code: i64) -> Sentence {
    Sentence::Platform { code, text: String::new() }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn template(name: &str, language: &str) -> PermissionTemplate {
        PermissionTemplate { name: name.into(), language: language.into() }
    }

    #[test]
    fn the_window_and_the_language_choose_the_form() {
        let now = Timestamp::from_unix(1_783_000_000);
        let open = Some(now + Duration::from_secs(1));
        let (closed, never) = (Some(now), None);
        let both = [template("pedir", "pt_BR"), template("ask", "en")];
        let by = |name: &str, language: &str| {
            Some(Form::Template { template: name.into(), language: language.into() })
        };
        let rows = [
            (open, &both[..], None, Some(Form::FreeForm)),
            (closed, &both[..], None, by("pedir", "pt_BR")),
            (closed, &both[..], Some("en"), by("ask", "en")),
            (closed, &both[..], Some("en_US"), by("ask", "en")),
            (closed, &both[..], Some("pt_PT"), by("pedir", "pt_BR")),
            (closed, &both[..], Some("es"), None),
            (closed, &[][..], None, None),
            (never, &both[..], None, by("pedir", "pt_BR")),
            (never, &[][..], None, Some(Form::FreeForm)),
            (never, &[][..], Some("es"), Some(Form::FreeForm)),
        ];
        for (no, (window, templates, language, wanted)) in rows.into_iter().enumerate() {
            let chosen = choose(window, templates, language, now).ok();
            assert_eq!(chosen, wanted, "row {no}");
        }
        let refused = choose(closed, &both, Some("es"), now).unwrap_err();
        assert!(refused.to_string().contains("language es"), "{refused}");
    }
}

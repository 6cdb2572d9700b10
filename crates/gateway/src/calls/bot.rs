//! How does a call give its user to a bot, and take the user back?
//!
//! The bot's conversation lasts while the switchboard says that the bot has the call; what it says
//! afterwards, or what one before it says, is not heard.

use std::{collections::BTreeMap, sync::Arc};

use switchboard::{
    builtin::{Builtin, Choices, Language},
    call::Input,
    flow::{FromBot, ToBot},
};
use tokio::time::Instant;
use wire::bot::Start;

use super::{actor::CallActor, facts::BotStay};
use crate::{
    bots::{self, Conversation, Said, Wish, sids::Named},
    config,
};

/// How long a key that a bot presses sounds: what phones do.
const KEY_MS: u32 = 120;

impl CallActor {
    /// Tells the bot; may bring the next input at once.
    pub(super) fn tell_bot(&mut self, word: ToBot) -> Option<Input> {
        match word {
            ToBot::Key(key) => {
                if let Some(bot) = &self.bot {
                    bot.press(key);
                }
                None
            }
            ToBot::Begin { bot, context, choices } => {
                self.end_bot_stay();
                let begun = self.begin_bot(&bot, context, choices);
                let mut stay = BotStay::begin(bot.clone());
                if begun.is_none() {
                    stay.says(&FromBot::Lost);
                    tracing::warn!(bot, "a bot cannot have a call: there is no seat for it");
                }
                self.facts.bot_stay = Some(stay);
                self.watch_beside("bot", true);
                begun.is_none().then_some(Input::Bot(FromBot::Lost))
            }
        }
    }

    /// What the bot of this call wants.
    pub(super) fn hear_bot(&mut self, said: Said) -> Option<Input> {
        if self.bot.as_ref().is_none_or(|bot| bot.number != said.number) {
            return None;
        }
        match said.what {
            Wish::Key(digit) => {
                self.with_whatsapp(|leg| leg.send_digit(digit, KEY_MS));
                None
            }
            Wish::Reached => {
                if let Some(stay) = &mut self.facts.bot_stay {
                    stay.reached(Instant::now());
                }
                None
            }
            Wish::Word(word, context) => {
                if let Some(stay) = &mut self.facts.bot_stay {
                    stay.says(&word);
                }
                self.facts.context = context;
                Some(Input::Bot(word))
            }
        }
    }

    /// A bot that no longer has the call has no more say, and hears nothing more.
    pub(super) fn leave_bot_if_over(&mut self) {
        if !self.call.is_with_bot() {
            self.bot = None;
            self.end_bot_stay();
        }
    }

    fn end_bot_stay(&mut self) {
        self.watch_beside("bot", false);
        let stay = self.facts.bot_stay.take();
        self.facts.bot_records.extend(stay.map(|stay| stay.record(Instant::now())));
    }

    fn begin_bot(
        &mut self,
        name: &str,
        context: BTreeMap<String, String>,
        choices: Choices,
    ) -> Option<()> {
        let office = Arc::clone(&self.office);
        match office.config.bot(&self.line.organisation.id, name)? {
            config::AnyBot::Program(bot) => self.begin_program(bot, context),
            config::AnyBot::Builtin(bot) => self.begin_builtin(bot, choices),
        }
    }

    fn begin_builtin(&mut self, bot: config::BuiltinBot, choices: Choices) -> Option<()> {
        let voice = self.whatsapp_voice()?;
        let line = self.office.bots.open(&voice, bots::FORMATS, bots::NOTICE)?;
        let chosen = choices.language.as_deref().and_then(Language::of_tag);
        let language = chosen.or(bot.language);
        let language =
            language.unwrap_or_else(|| Language::of_number(&self.line.config.number.digits));
        self.facts.bots += 1;
        let (number, tell) = (self.facts.bots, self.bot_tells.clone());
        let metrics = Arc::clone(&self.office.metrics);
        let bot = (Builtin::new(bot.kind, choices), language);
        self.bot = Some(Conversation::begin_builtin(number, bot, line, tell, metrics));
        Some(())
    }

    fn begin_program(
        &mut self,
        bot: &config::Bot,
        context: BTreeMap<String, String>,
    ) -> Option<()> {
        let bot = bot.clone();
        let call_id = self.facts.call_id.clone()?;
        let voice = self.whatsapp_voice()?;
        let line = self.office.bots.open(&voice, bot.formats, bot.notice)?;
        let sid = self.sid.get_or_insert_with(|| {
            self.office.sids.name(Named {
                account_sid: bot.account_sid.clone(),
                organisation: bot.organisation.clone(),
                line: self.line.id().clone(),
                call_id: call_id.clone(),
            })
        });
        let start = Start {
            call_id: call_id.to_string(),
            call_sid: sid.as_str().to_owned(),
            stream_sid: format!("MZ{}", uuid::Uuid::now_v7().simple()),
            account_sid: bot.account_sid.clone(),
            from: self.facts.contact.wa_id.as_ref().map(|user| user.as_str().to_owned()),
            to: self.line.digits().to_owned(),
            rate: bot.formats.hears.rate(),
            voice_rate: bot.formats.speaks.rate(),
            context,
            persona: bot.persona.clone(),
        };
        self.facts.bots += 1;
        let (number, tell) = (self.facts.bots, self.bot_tells.clone());
        let metrics = Arc::clone(&self.office.metrics);
        let (bot, asking) = ((bot, start), self.asking());
        let waiting = self.office.waiting.clone();
        self.bot = Some(Conversation::begin(number, bot, waiting, asking, line, tell, metrics));
        Some(())
    }
}

//! A built-in bot talks: what happens goes in, what the user shall hear comes out.

use std::{collections::BTreeMap, time::Duration};

use offhook_switchboard::{
    builtin::{Builtin, Choices, ECHO_DELAY, Effect, Input, Kind, Language, Mark, Phrase},
    flow::FromBot,
};
use proptest::prelude::*;

use crate::desk::key;

/// A conversation and its time.
struct Talk {
    bot: Builtin,
    now: Duration,
}

impl Talk {
    fn new(kind: Kind, choices: Choices) -> Self {
        Self { bot: Builtin::new(kind, choices), now: Duration::ZERO }
    }

    fn takes(&mut self, input: Input) -> Vec<Effect> {
        self.bot.handle(input, self.now)
    }

    fn presses(&mut self, sign: char) -> Vec<Effect> {
        self.takes(Input::Key(key(sign)))
    }

    /// Time passes until the bot wants to be told so.
    fn waits(&mut self) -> Vec<Effect> {
        self.now = self.bot.next_timeout().expect("a timeout");
        self.takes(Input::Tick)
    }

    /// The menu is read and heard.
    fn hears_choices(&mut self) -> Vec<Effect> {
        let effects = self.takes(Input::Begin);
        self.hears(&effects);
        effects
    }

    /// The last mark of these is heard.
    fn hears(&mut self, effects: &[Effect]) {
        let mark = effects.iter().rev().find_map(|effect| {
            let Effect::Mark(mark) = effect else { return None };
            Some(*mark)
        });
        assert_eq!(self.takes(Input::Heard(mark.expect("a mark"))), []);
    }
}

/// How late a bot may look at its clock.
const LATE: Duration = Duration::from_millis(90);
const ECHOES: [Effect; 2] = [Effect::Pause(ECHO_DELAY), Effect::Return(true)];
const STOPS: [Effect; 2] = [Effect::Return(false), Effect::Clear];

fn all() -> Choices {
    Choices { language: None, people: true, message: Some("leave".into()) }
}

fn say(phrases: &[Phrase]) -> Vec<Effect> {
    phrases.iter().copied().map(Effect::Say).collect()
}

fn leave(word: FromBot) -> Effect {
    Effect::Leave(word, BTreeMap::new())
}

#[test]
fn only_what_the_flow_has_is_offered() {
    let (welcome, end) = (Phrase::Welcome, Phrase::End);
    let none = Choices::default();
    for (choices, read) in [
        (all(), vec![welcome, Phrase::Person, Phrase::Echo, Phrase::Message, end]),
        (none.clone(), vec![welcome, Phrase::Echo, end]),
    ] {
        let mut expected = say(&read);
        expected.push(Effect::Mark(Mark(1)));
        assert_eq!(Talk::new(Kind::Ivr, choices).takes(Input::Begin), expected);
    }
    for sign in ['0', '1', '3', '5', '*'] {
        let mut talk = Talk::new(Kind::Ivr, none.clone());
        talk.hears_choices();
        let told = talk.presses(sign);
        assert_eq!(told[..2], [Effect::Clear, Effect::Say(Phrase::Invalid)], "{sign}");
    }
}

#[test]
fn a_key_clears_what_is_said_and_leads_where_it_was_said_to() {
    for (sign, last, said) in [
        ('1', FromBot::ToPeople, Some(Phrase::Moment)),
        ('0', FromBot::ToPeople, Some(Phrase::Moment)),
        ('3', FromBot::ToStep("leave".into()), None),
        ('9', FromBot::Done, Some(Phrase::Goodbye)),
    ] {
        let mut talk = Talk::new(Kind::Ivr, all());
        talk.takes(Input::Begin);
        let mut expected = vec![Effect::Clear];
        expected.extend(said.map(Effect::Say));
        expected.push(leave(last));
        assert_eq!(talk.presses(sign), expected, "{sign}");
        // The last word is the last.
        assert_eq!(talk.presses('1'), []);
    }
}

#[test]
fn who_takes_no_choice_is_asked_three_times_and_goes_on_as_the_flow_says() {
    let mut talk = Talk::new(Kind::Ivr, all());
    talk.hears_choices();
    let again = talk.waits();
    assert_eq!(again[0], Effect::Say(Phrase::Person), "the choices, without another welcome");
    talk.hears(&again);
    let again = talk.presses('7');
    assert_eq!(again[..2], [Effect::Clear, Effect::Say(Phrase::Invalid)]);
    talk.hears(&again);
    assert_eq!(talk.waits(), [Effect::Say(Phrase::Moment), leave(FromBot::ToPeople)]);

    let mut talk = Talk::new(Kind::Ivr, Choices::default());
    talk.takes(Input::Begin);
    let tries: Vec<Vec<Effect>> = (0..3).map(|_| talk.presses('5')).collect();
    let end = [leave(FromBot::ToPeople)];
    assert!(tries[1].last() != end.first() && tries[2].ends_with(&end), "{tries:?}");
    assert!(tries[2].contains(&Effect::Say(Phrase::Goodbye)), "nobody is fetched: {tries:?}");
}

#[test]
fn the_time_for_a_key_begins_when_the_choices_were_heard() {
    let mut talk = Talk::new(Kind::Ivr, all());
    let read = talk.takes(Input::Begin);
    assert_eq!(talk.bot.next_timeout(), None, "they are being read");
    talk.now = Duration::from_secs(12);
    talk.hears(&read);
    assert_eq!(talk.bot.next_timeout(), Some(Duration::from_secs(18)));
    talk.now = Duration::from_secs(17);
    assert_eq!(talk.takes(Input::Tick), [], "not yet");
}

#[test]
fn an_echo_is_marked_each_second_and_tells_what_was_heard_of_it() {
    let mut talk = Talk::new(Kind::Echo, Choices::default());
    let announced = [Effect::Say(Phrase::EchoBegins), Effect::Beep, Effect::Mark(Mark(1))];
    assert_eq!(talk.takes(Input::Begin), announced);
    assert_eq!(talk.takes(Input::Tick), [], "what is said into the announcement is no echo");
    assert_eq!(talk.takes(Input::Heard(Mark(1))), ECHOES);
    for second in 1..=3 {
        talk.now = Duration::from_secs(second.into()) + LATE;
        assert_eq!(talk.takes(Input::Tick), [Effect::Mark(Mark(1 + second))]);
        assert_eq!(talk.takes(Input::Tick), [], "once");
        let next = Duration::from_secs(u64::from(second) + 1);
        assert_eq!(talk.bot.next_timeout(), Some(next), "however late this one was");
    }
    assert_eq!(talk.takes(Input::Heard(Mark(2))), []);
    assert_eq!(talk.presses('#'), STOPS);
    // The second mark was passed before the clear, the third one was in what was cleared.
    assert_eq!(talk.takes(Input::Heard(Mark(3))), []);
    assert_eq!(talk.takes(Input::Tick), []);
    let heard = [("echo_heard_s".to_owned(), "2".to_owned())].into();
    let last = Effect::Leave(FromBot::Done, heard);
    assert_eq!(talk.takes(Input::Cleared), [Effect::Say(Phrase::EchoEnds), last]);
}

#[test]
fn an_echo_of_the_menu_leads_back_to_it_and_none_lasts_for_ever() {
    let mut talk = Talk::new(Kind::Ivr, all());
    talk.hears_choices();
    assert_eq!(talk.presses('2')[..2], [Effect::Clear, Effect::Say(Phrase::EchoBegins)]);
    assert_eq!(talk.takes(Input::Heard(Mark(2))), ECHOES);
    let seconds = (1..300).filter(|_| matches!(talk.waits()[..], [Effect::Mark(_)])).count();
    assert_eq!((seconds, talk.waits()), (299, STOPS.into()));
    assert_eq!(talk.now, Duration::from_secs(300));
    let back = talk.takes(Input::Cleared);
    assert_eq!(back[..2], say(&[Phrase::EchoEnds, Phrase::Person]));

    // Who needs no explanation leaves it by a key as well.
    let mut talk = Talk::new(Kind::Echo, Choices::default());
    talk.takes(Input::Begin);
    assert_eq!(talk.presses('1'), STOPS);
    assert_eq!(talk.takes(Input::Heard(Mark(7))), []);
}

#[test]
fn a_number_speaks_the_language_of_its_country() {
    for (number, language) in [
        ("551140000000", Language::Portuguese),
        ("351210000000", Language::Portuguese),
        ("447700900000", Language::English),
        ("5215550000001", Language::English),
    ] {
        assert_eq!(Language::of_number(&number.parse().unwrap()), language, "{number}");
    }
    assert_eq!(Language::of_tag("pt_BR"), Some(Language::Portuguese));
    assert_eq!(Language::of_tag("EN"), Some(Language::English));
    assert_eq!(Language::of_tag("pteranodon"), None);
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        prop::sample::select(('0'..='9').chain(['*', '#']).collect::<Vec<_>>())
            .prop_map(|sign| Input::Key(key(sign))),
        (0_u32..6).prop_map(|mark| Input::Heard(Mark(mark))),
        Just(Input::Cleared),
        Just(Input::Tick),
    ]
}

proptest! {
    /// Whatever comes in whatever order: one last word, and nothing after it.
    #[test]
    fn whatever_happens_there_is_one_last_word(
        is_echo: bool,
        people: bool,
        inputs in prop::collection::vec((input(), 0_u64..20), 0..60),
    ) {
        let kind = if is_echo { Kind::Echo } else { Kind::Ivr };
        let mut talk = Talk::new(kind, Choices { people, ..Choices::default() });
        talk.takes(Input::Begin);
        let mut is_over = false;
        for (input, seconds) in inputs {
            talk.now += Duration::from_secs(seconds);
            let effects = talk.takes(input);
            prop_assert!(!is_over || effects.is_empty());
            let last = effects.iter().position(|effect| matches!(effect, Effect::Leave(..)));
            prop_assert!(last.is_none_or(|at| at + 1 == effects.len()));
            is_over |= last.is_some();
        }
        prop_assert!(!is_over || talk.bot.next_timeout().is_none());
    }
}

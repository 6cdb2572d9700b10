//! Who may do what?
//!
//! One table for people, by their role, and for programs, by the scopes of their key. An agent's own
//! calls, messages and consent are an agent's work; others' calls and what goes out of the house are a
//! supervisor's; people, keys and settings an admin's. An auditor reads everything and changes nothing.

use terms::Role;

/// Something that one may do or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// See calls, live and ended, and what is known of them.
    ReadCalls,
    /// Be rung, take and place calls, and steer one's own.
    TakeCalls,
    /// Hear recordings of calls; messages of callers are for all who see calls.
    HearCalls,
    /// Steer calls of others.
    SteerCalls,
    /// See users and what was said.
    ReadContacts,
    /// Write to users.
    WriteContacts,
    /// See the consent ledger.
    ReadConsent,
    /// Ask users for consent.
    AskConsent,
    /// See what the business's systems are told.
    ReadEvents,
    /// Have it delivered again.
    Redeliver,
    /// See figures and costs.
    ReadFigures,
    /// See people, keys and what was done to them.
    ReadHouse,
    /// Change people, keys and settings of numbers.
    Administer,
}

/// What a program's key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// `calls:read`
    ReadCalls,
    /// `calls:write`
    WriteCalls,
    /// `contacts:read`
    ReadContacts,
    /// `contacts:write`
    WriteContacts,
    /// `consent`
    Consent,
    /// `events`
    Events,
    /// `analytics`
    Analytics,
    /// `admin`
    Admin,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::ReadCalls,
        Self::TakeCalls,
        Self::HearCalls,
        Self::SteerCalls,
        Self::ReadContacts,
        Self::WriteContacts,
        Self::ReadConsent,
        Self::AskConsent,
        Self::ReadEvents,
        Self::Redeliver,
        Self::ReadFigures,
        Self::ReadHouse,
        Self::Administer,
    ];

    /// The scope a program needs for it.
    #[must_use]
    pub fn scope(self) -> Scope {
        match self {
            Self::ReadCalls | Self::HearCalls => Scope::ReadCalls,
            Self::TakeCalls | Self::SteerCalls => Scope::WriteCalls,
            Self::ReadContacts => Scope::ReadContacts,
            Self::WriteContacts => Scope::WriteContacts,
            Self::ReadConsent | Self::AskConsent => Scope::Consent,
            Self::ReadEvents | Self::Redeliver => Scope::Events,
            Self::ReadFigures => Scope::Analytics,
            Self::ReadHouse | Self::Administer => Scope::Admin,
        }
    }
}

/// Whether somebody with this role may do this.
#[must_use]
pub fn may(role: Role, act: Act) -> bool {
    match act {
        Act::ReadCalls | Act::ReadContacts | Act::ReadConsent => true,
        Act::TakeCalls | Act::WriteContacts | Act::AskConsent => match role {
            Role::Agent | Role::Supervisor | Role::Admin => true,
            Role::Auditor => false,
        },
        Act::SteerCalls | Act::Redeliver => match role {
            Role::Supervisor | Role::Admin => true,
            Role::Agent | Role::Auditor => false,
        },
        Act::HearCalls | Act::ReadEvents | Act::ReadFigures => match role {
            Role::Supervisor | Role::Admin | Role::Auditor => true,
            Role::Agent => false,
        },
        Act::ReadHouse => match role {
            Role::Admin | Role::Auditor => true,
            Role::Agent | Role::Supervisor => false,
        },
        Act::Administer => match role {
            Role::Admin => true,
            Role::Agent | Role::Supervisor | Role::Auditor => false,
        },
    }
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::ReadCalls,
        Self::WriteCalls,
        Self::ReadContacts,
        Self::WriteContacts,
        Self::Consent,
        Self::Events,
        Self::Analytics,
        Self::Admin,
    ];

    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadCalls => "calls:read",
            Self::WriteCalls => "calls:write",
            Self::ReadContacts => "contacts:read",
            Self::WriteContacts => "contacts:write",
            Self::Consent => "consent",
            Self::Events => "events",
            Self::Analytics => "analytics",
            Self::Admin => "admin",
        }
    }

    /// The scope of this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_roles_is_as_it_is_written_down() {
        let roles = [Role::Agent, Role::Supervisor, Role::Admin, Role::Auditor];
        let mut table = String::new();
        for act in Act::ALL {
            let row: String =
                roles.iter().map(|role| if may(*role, act) { '+' } else { '-' }).collect();
            table.push_str(&format!("{row} {act:?}\n"));
        }
        let wanted = "\
++++ ReadCalls
+++- TakeCalls
-+++ HearCalls
-++- SteerCalls
++++ ReadContacts
+++- WriteContacts
++++ ReadConsent
+++- AskConsent
-+++ ReadEvents
-++- Redeliver
-+++ ReadFigures
--++ ReadHouse
--+- Administer
";
        assert_eq!(table, wanted, "agent, supervisor, admin, auditor");
    }

    #[test]
    fn a_scope_is_known_by_its_word_and_each_opens_something() {
        for scope in Scope::ALL {
            assert_eq!(Scope::named(scope.as_str()), Some(scope));
            assert!(Act::ALL.iter().any(|act| act.scope() == scope), "{scope:?}");
        }
        assert_eq!(Scope::named("calls"), None);
    }
}

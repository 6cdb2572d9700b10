//! How much of the month's money is spent, what is worth saying about it, and may another call go out?
//!
//! A budget is the business's own rule, for one number and one calendar month. It is told at every
//! threshold once, and may stop calls to users until the month is over. A live call is never cut: what it
//! will cost is known when it ends, so calls that run at the time may overspend.

use rust_decimal::Decimal;
use terms::{Money, Timestamp};

/// What a number may spend in a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// The whole of it.
    pub monthly: Money,
    /// At which shares it is told, between 0 and 1, ascending.
    pub warn_at: Vec<Decimal>,
    /// Whether no more calls go out once it is spent.
    pub stop: bool,
}

/// A threshold that spending has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threshold {
    /// One of the shares.
    Warning {
        /// Which.
        share: Decimal,
    },
    /// All of it.
    Exhausted,
}

/// No call may go out: the month's money is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{spent} of {monthly} of this month are spent, and the budget stops calls to users.")]
pub struct Spent {
    /// The budget.
    pub monthly: Money,
    /// What is spent.
    pub spent: Decimal,
    /// When the next month begins.
    pub until: Timestamp,
}

impl Budget {
    /// Every threshold that this much has reached, the lowest first.
    #[must_use]
    pub fn reached(&self, spent: Decimal) -> Vec<Threshold> {
        let is_reached = |share: &&Decimal| spent >= **share * self.monthly.amount;
        let warning = |share: &Decimal| Threshold::Warning { share: *share };
        let warnings = self.warn_at.iter().filter(is_reached).map(warning);
        let exhausted = (spent >= self.monthly.amount).then_some(Threshold::Exhausted);
        warnings.chain(exhausted).collect()
    }

    /// May another call go out, with this much spent in the month that ends at `until`?
    ///
    /// # Errors
    ///
    /// That it may not, and until when.
    pub fn verdict(&self, spent: Decimal, until: Timestamp) -> Result<(), Spent> {
        if self.stop && spent >= self.monthly.amount {
            return Err(Spent { monthly: self.monthly, spent, until });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use terms::Currency;

    use super::*;

    fn budget(stop: bool) -> Budget {
        let monthly = Money { amount: "250.00".parse().unwrap(), currency: Currency::USD };
        let warn_at = ["0.5", "0.8"].map(|text| text.parse().unwrap()).to_vec();
        Budget { monthly, warn_at, stop }
    }

    fn reached(spent: &str) -> usize {
        budget(false).reached(spent.parse().unwrap()).len()
    }

    #[test]
    fn a_threshold_is_reached_at_its_share_and_one_call_may_pass_several() {
        assert_eq!(
            [reached("0"), reached("124.99999"), reached("125"), reached("199.99")],
            [0, 0, 1, 1]
        );
        assert_eq!(
            [reached("200"), reached("249.99"), reached("250"), reached("900")],
            [2, 2, 3, 3]
        );
        let all = budget(false).reached("250".parse().unwrap());
        assert_eq!(all.last(), Some(&Threshold::Exhausted));
    }

    #[test]
    fn only_a_budget_that_stops_says_no_and_until_when() {
        let until = Timestamp::from_unix(1_783_000_000);
        let spent = "250".parse().unwrap();
        assert_eq!(budget(false).verdict(spent, until), Ok(()));
        assert_eq!(budget(true).verdict("249.99999".parse().unwrap(), until), Ok(()));
        let no = budget(true).verdict(spent, until).unwrap_err();
        assert_eq!(no.until, until);
        assert!(no.to_string().starts_with("250 of 250.00 USD"), "{no}");
    }
}

//! How does money lie in a table whose rows are added up?
//!
//! As whole hundred-millionths: SQLite adds integers exactly and refuses a sum that does not fit,
//! while decimal texts it would add as floats. The finest published rate has four decimals and is
//! divided by ten.

use rust_decimal::Decimal;
use terms::{Currency, Money};

const DECIMALS: u32 = 8;

/// The amount as a table holds it; `None` for one beyond ninety thousand millions.
pub(super) fn to_row(amount: Decimal) -> Option<i64> {
    let whole = amount.checked_mul(Decimal::from(10_i64.pow(DECIMALS)))?.round();
    whole.try_into().ok()
}

/// An amount of a table.
pub(super) fn from_row(units: i64) -> Decimal {
    Decimal::new(units, DECIMALS).normalize()
}

/// An amount of a table, in a currency of a table.
pub(super) fn money(units: Option<i64>, currency: &str) -> Option<Money> {
    let currency: Currency = currency.parse().ok()?;
    units.map(|units| Money { amount: from_row(units), currency })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_comes_back_exactly_and_one_that_does_not_fit_is_not_cut() {
        for text in ["0.00103", "0", "250", "92233720368.54775807"] {
            let amount: Decimal = text.parse().unwrap();
            assert_eq!(to_row(amount).map(from_row), Some(amount), "{text}");
        }
        assert_eq!(to_row("92233720369".parse().unwrap()), None);
    }
}

//! Makes an event of the fields of a row.

use std::str;

use super::error::Problem;
use super::rows::Row;
use super::{Action, Event, ID, ID_BYTES_MAX, PRIORITY, UNTIL};

const AMOUNT_MAX: u64 = i64::MAX.unsigned_abs();

/// The event of a row's fields.
#[inline]
pub(super) fn parse(row: Row<'_>) -> Result<Event<'_>, Problem> {
    let [kind, account, credit_id, amount, timestamp, expiration] = row.fields;
    let [id, until, priority] = row.optional;
    match kind {
        b"grant" => {
            let account = parse_account(account)?;
            let credit_id = parse_text("credit_id", credit_id, "UTF-8")?;
            let amount = parse_amount(amount)?;
            let timestamp = parse_timestamp("timestamp", timestamp)?;
            let expiration = parse_expiration(expiration, timestamp)?;
            let id = parse_id(id)?;
            expect_unused(UNTIL, until, "nothing in a grant row")?;
            let action = Action::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
                priority: parse_priority(priority)?,
            };
            Ok(Event {
                account,
                id,
                action,
            })
        }
        b"usage" => {
            let account = parse_account(account)?;
            expect_unused("credit_id", credit_id, "nothing in a usage row")?;
            let amount = parse_amount(amount)?;
            let timestamp = parse_timestamp("timestamp", timestamp)?;
            expect_unused("expiration", expiration, "nothing in a usage row")?;
            let id = parse_id(id)?;
            let action = if until.is_empty() {
                Action::Usage { amount, timestamp }
            } else {
                Action::Metered {
                    rate: amount,
                    from: timestamp,
                    until: parse_timestamp(UNTIL, until)?,
                }
            };
            expect_unused(PRIORITY, priority, "nothing in a usage row")?;
            Ok(Event {
                account,
                id,
                action,
            })
        }
        b"balance" => {
            const UNUSED: &str = "nothing in a balance row";
            let account = parse_account(account)?;
            expect_unused("credit_id", credit_id, UNUSED)?;
            expect_unused("amount", amount, UNUSED)?;
            let timestamp = parse_timestamp("timestamp", timestamp)?;
            expect_unused("expiration", expiration, UNUSED)?;
            expect_unused(ID, id, UNUSED)?;
            expect_unused(UNTIL, until, UNUSED)?;
            expect_unused(PRIORITY, priority, UNUSED)?;
            Ok(Event {
                account,
                id: None,
                action: Action::Balance { timestamp },
            })
        }
        _ => Err(Problem::value("kind", kind, "grant, usage or balance")),
    }
}

/// The id of a record, if it has one.
#[inline]
fn parse_id(value: &[u8]) -> Result<Option<&str>, Problem> {
    if value.is_empty() {
        return Ok(None);
    }
    match str::from_utf8(value) {
        Ok(id) if id.len() <= ID_BYTES_MAX => Ok(Some(id)),
        _ => {
            let expected = format!("an id of at most {ID_BYTES_MAX} bytes in UTF-8, or nothing");
            Err(Problem::value(ID, value, expected))
        }
    }
}

#[inline]
fn parse_account(value: &[u8]) -> Result<&str, Problem> {
    const EXPECTED: &str = "the name of an account in UTF-8";
    if value.is_empty() {
        return Err(Problem::value("account", value, EXPECTED));
    }
    parse_text("account", value, EXPECTED)
}

#[inline]
fn parse_text<'a>(
    column: &'static str,
    value: &'a [u8],
    expected: &'static str,
) -> Result<&'a str, Problem> {
    str::from_utf8(value).map_err(|_| Problem::value(column, value, expected))
}

#[inline]
fn parse_amount(value: &[u8]) -> Result<u64, Problem> {
    parse_unsigned(value)
        .filter(|amount| *amount <= AMOUNT_MAX)
        .ok_or_else(|| {
            let expected = format!("an integer from 0 to {AMOUNT_MAX}");
            Problem::value("amount", value, expected)
        })
}

#[inline]
fn parse_timestamp(column: &'static str, value: &[u8]) -> Result<i64, Problem> {
    parse_signed(value).ok_or_else(|| {
        let expected = format!("an integer from {} to {}", i64::MIN, i64::MAX);
        Problem::value(column, value, expected)
    })
}

/// The priority of a grant: 0 if none is given.
#[inline]
fn parse_priority(value: &[u8]) -> Result<i16, Problem> {
    if value.is_empty() {
        return Ok(0);
    }
    let priority = parse_signed(value).and_then(|number| i16::try_from(number).ok());
    priority.ok_or_else(|| {
        let expected = format!("an integer from {} to {}, or nothing", i16::MIN, i16::MAX);
        Problem::value(PRIORITY, value, expected)
    })
}

/// The length of a window from `timestamp` on, which must end at `i64::MAX` at the latest.
fn parse_expiration(value: &[u8], timestamp: i64) -> Result<u64, Problem> {
    let expiration_max = i64::MAX.abs_diff(timestamp);
    parse_unsigned(value)
        .filter(|expiration| *expiration <= expiration_max)
        .ok_or_else(|| {
            let expected = format!(
                "an integer from 0 to {expiration_max}, for a window from {timestamp} that ends by {}",
                i64::MAX
            );
            Problem::value("expiration", value, expected)
        })
}

#[inline]
fn expect_unused(
    column: &'static str,
    value: &[u8],
    expected: &'static str,
) -> Result<(), Problem> {
    if value.is_empty() {
        Ok(())
    } else {
        Err(Problem::value(column, value, expected))
    }
}

/// Digits and nothing else. `None` if there are none, or too many.
#[inline]
fn parse_unsigned(value: &[u8]) -> Option<u64> {
    /// Digits that cannot overflow.
    const SAFE_DIGITS: usize = 19;
    if value.is_empty() {
        return None;
    }
    let (safe, rest) = value.split_at(value.len().min(SAFE_DIGITS));
    let mut number = 0;
    for byte in safe {
        number = number * 10 + parse_digit(*byte)?;
    }
    for byte in rest {
        number = number.checked_mul(10)?.checked_add(parse_digit(*byte)?)?;
    }
    Some(number)
}

#[inline]
fn parse_digit(byte: u8) -> Option<u64> {
    let digit = byte.wrapping_sub(b'0');
    (digit <= 9).then_some(u64::from(digit))
}

/// Digits, with at most a minus before them.
#[inline]
fn parse_signed(value: &[u8]) -> Option<i64> {
    match value.strip_prefix(b"-") {
        None => i64::try_from(parse_unsigned(value)?).ok(),
        Some(digits) => 0_i64.checked_sub_unsigned(parse_unsigned(digits)?),
    }
}

#[cfg(test)]
mod tests {
    use super::{parse_signed, parse_unsigned};

    #[test]
    fn integers_are_digits_with_at_most_a_minus() {
        assert_eq!(parse_unsigned(b"0"), Some(0));
        assert_eq!(parse_unsigned(b"007"), Some(7));
        assert_eq!(parse_unsigned(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_signed(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_signed(b"9223372036854775807"), Some(i64::MAX));
        for wrong in ["", "-", "+1", " 1", "1 ", "1.0", "1e3", "--1", "a", "1_0"] {
            assert_eq!(parse_unsigned(wrong.as_bytes()), None, "{wrong}");
            assert_eq!(parse_signed(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(parse_unsigned(b"18446744073709551616"), None);
        assert_eq!(parse_signed(b"9223372036854775808"), None);
        assert_eq!(parse_signed(b"-9223372036854775809"), None);
    }
}

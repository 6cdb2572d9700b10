//! What do new ids look like?
//!
//! Ids of the shape real ones have (fact sheet 4.12), so that a client that stores or matches them
//! meets the same lengths and characters. Nobody may read meaning from them; a gateway treats them
//! as opaque. Randomness comes from the caller.

use base64::{Engine, engine::general_purpose::STANDARD};
use terms::{CallId, Direction, MessageId, WaId};

/// A new call id for a call between `user` and `business`.
#[must_use]
pub fn wacid(user: &WaId, business: &WaId, direction: Direction, random: [u8; 16]) -> CallId {
    let kind = match direction {
        Direction::UserInitiated => 0x12,
        Direction::BusinessInitiated => 0x11,
    };
    let mut record = Vec::with_capacity(80);
    push_text(&mut record, user.as_str().as_bytes());
    record.extend_from_slice(&[0x15, 0x02, 0x00, kind, 0x18, 0x20]);
    record.extend_from_slice(hex::encode_upper(random).as_bytes());
    push_text(&mut record, business.as_str().as_bytes());
    record.extend_from_slice(&[0x15, 0x02, 0x00]);
    format!("wacid.{}", STANDARD.encode(record)).parse().expect("base64 is a valid rest of a WACID")
}

/// A new message id for a message with `user`.
#[must_use]
pub fn wamid(user: &WaId, random: [u8; 16]) -> MessageId {
    let mut record = Vec::with_capacity(64);
    push_text(&mut record, user.as_str().as_bytes());
    record.extend_from_slice(&[0x15, 0x02, 0x00, 0x11, 0x18, 0x20]);
    record.extend_from_slice(hex::encode_upper(random).as_bytes());
    record.push(0x00);
    format!("wamid.{}", STANDARD.encode(record)).parse().expect("base64 is a valid message id")
}

/// A text of the compact record: `1C 18`, its length, its bytes.
fn push_text(record: &mut Vec<u8>, text: &[u8]) {
    record.extend_from_slice(&[0x1C, 0x18]);
    record.push(u8::try_from(text.len()).expect("a wa_id has at most 20 digits"));
    record.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> (WaId, WaId) {
        ("5215550000001".parse().unwrap(), "551140000000".parse().unwrap())
    }

    #[test]
    fn the_layout_of_the_samples() {
        let (user, business) = ids();
        let id = wacid(&user, &business, Direction::UserInitiated, [0xAB; 16]);
        let rest = id.as_str().strip_prefix("wacid.").unwrap();
        assert!((94..=104).contains(&rest.len()), "{} characters", rest.len());
        let record = STANDARD.decode(rest).unwrap();
        assert_eq!(record[..3], [0x1C, 0x18, 13]);
        assert_eq!(&record[3..16], b"5215550000001");
        assert_eq!(record[16..22], [0x15, 0x02, 0x00, 0x12, 0x18, 0x20]);
        assert_eq!(&record[22..54], "AB".repeat(16).as_bytes());
    }

    #[test]
    fn the_direction_shows_where_the_samples_show_it() {
        // The samples are of users with 11 digits, whose record aligns with base64 this way.
        let user = "15550001111".parse().unwrap();
        let (_, business) = ids();
        let id = |direction, byte| wacid(&user, &business, direction, [byte; 16]);
        let by_user = id(Direction::UserInitiated, 7);
        assert!(by_user.as_str().contains("VAgAS"), "{by_user}");
        let by_business = id(Direction::BusinessInitiated, 7);
        assert!(by_business.as_str().contains("VAgAR"), "{by_business}");
        assert_ne!(by_business, id(Direction::BusinessInitiated, 8));
    }

    #[test]
    fn a_message_id_says_what_it_is() {
        let (user, _) = ids();
        assert!(wamid(&user, [7; 16]).as_str().starts_with("wamid."));
        assert_ne!(wamid(&user, [7; 16]), wamid(&user, [8; 16]));
    }
}

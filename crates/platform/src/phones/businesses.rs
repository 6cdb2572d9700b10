//! What does a phone show of the businesses one can call?
//!
//! All of them when it connects; one again whenever its settings, its restrictions or its name change.
//! What changes by time alone, such as the end of a restriction, a phone sees when it connects again:
//! real ones may take days for any change (fact sheet 2.1).

use rules::{client::Feature, quality};
use wire::handset::{PhoneBusiness, ToPhone};

use crate::{
    directory::{Number, User},
    world::World,
};

/// Shows a number as it is now on every connected phone.
pub(crate) fn tell(world: &World, number: &Number) {
    for wa_id in world.phones.users() {
        if let Some(user) = world.directory.user(&wa_id) {
            let business = shown(world, number, &user);
            world.phones.show(&wa_id, &ToPhone::Business { business });
        }
    }
}

/// A number as this user sees it.
pub(super) fn shown(world: &World, number: &Number, user: &User) -> PhoneBusiness {
    PhoneBusiness {
        number: number.digits.clone(),
        name: number.name.clone(),
        calling_enabled: number.calling.calling_enabled(),
        icon_visible: shows_icon(world, number, user),
    }
}

/// Whether this user sees a call icon at this number; without it a call is still possible from a
/// button or the list of recent calls (fact sheet 2.3).
fn shows_icon(world: &World, number: &Number, user: &User) -> bool {
    number.calling.shows_icon(user.country)
        && user.client.supports(Feature::CallIcon, &world.book(number))
        && !quality::hides_icon(&number.restrictions, world.clock.now())
}

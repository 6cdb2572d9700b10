//! What does a flow know of the user who calls?

use switchboard::flow::Caller;
use terms::WaId;
use wire::console::Peer;

use crate::{contacts, line::Line, office::Office, store::StoreError};

/// The facts before the call is noted: a call opens the window itself.
pub(crate) async fn of_incoming(
    office: &Office,
    line: &Line,
    contact: &Peer,
    payload: Option<String>,
) -> Result<Caller, StoreError> {
    let number = contacts::number_of(office, line, contact).await?;
    let (mut window_open, mut past_calls) = (None, None);
    if let Some(number) = &number {
        let row = office.store.contact(line.contact(number)).await?;
        let until = row.and_then(|row| row.window_until);
        window_open = Some(until.is_some_and(|until| until > line.now()));
        past_calls = Some(office.store.calls_with(line.contact(number)).await?);
    }
    Ok(Caller {
        number,
        user_id: contact.user_id.clone(),
        name: contact.name.clone(),
        payload,
        window_open,
        past_calls,
    })
}

/// Of a user whom the business calls.
pub(crate) fn of_placed(to: &WaId, name: Option<&str>) -> Caller {
    Caller { number: Some(to.clone()), name: name.map(str::to_owned), ..Caller::default() }
}

//! What if an agent's telephone gives the user to another agent, or to a queue?
//!
//! It asks with REFER, and that is the agent's transfer: as by the console or the API. Where the switchboard
//! takes it the telephone is told so, and is free; how the other one comes to the call is no longer its matter.

use sip::{Refer, Refusal};
use switchboard::call::{Destination, Input, Side};
use terms::AgentId;
use wire::console;

use super::{actor::CallActor, order, referral::said};
use crate::clock;

impl CallActor {
    /// The telephone of an agent wants somebody else to have the user.
    pub(super) async fn agent_refers(&mut self, agent: AgentId, refer: Refer) {
        let to = match self.given_to(&refer) {
            Ok(to) => to,
            Err(why) => return refer.refuse(&why),
        };
        let mut effects = Vec::new();
        let input = Input::AgentTransfers { agent, to };
        if let Err(refusal) = self.call.handle(input, clock::now(), &mut effects) {
            return refer.refuse(&said(603, &refusal));
        }
        if let Some(telephone) = self.telephone_mut(Side::Agent) {
            telephone.gave_away = true;
        }
        refer.accept().ends(200);
        self.after(effects).await;
    }

    /// Whom it names: an agent, or else a queue.
    fn given_to(&self, refer: &Refer) -> Result<Destination, Refusal> {
        let to = refer.to().filter(|to| to.replaces.is_none());
        let to = to.ok_or_else(|| said(403, &"Only agents and queues can be given a call"))?;
        let name = to.user.split(';').next().unwrap_or_default();
        let agent = name.parse().ok().map(|id| console::Destination::Agent { id });
        let queue = console::Destination::Queue { name: name.to_owned() };
        let house = &self.line.organisation;
        let known = |to: &console::Destination| order::known(&self.office, house, to).is_ok();
        let place = agent.into_iter().chain([queue]).find(known);
        place.map(order::destination).ok_or_else(|| said(404, &"No agent or queue of this name"))
    }
}

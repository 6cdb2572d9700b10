//! How does our user agent answer and place these calls?

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use offhook_sip::{
    End, Incoming, IncomingInvite, Invite, Limits, Listen, News, Patience, Refusal, Target, Told,
    Transport, UserAgent,
};
use tokio::sync::mpsc;

use crate::{LOCAL, Outcome, SDP};

/// Calls that came in and wait for whoever answers them.
const ASKED_MAX: usize = 1_024;

pub(crate) struct Agent {
    pub(crate) address: SocketAddr,
    agent: Arc<UserAgent>,
    placed: AtomicU64,
    taken: Arc<AtomicU64>,
}

impl Agent {
    pub(crate) async fn start() -> Outcome<Self> {
        let (ask, incoming) = mpsc::channel(ASKED_MAX);
        let plain = Some(LOCAL.parse()?);
        // As the gateway starts it.
        let listen = Listen { plain, tls: None, name: "offhook".into(), timers: true };
        let agent = Arc::new(UserAgent::start(listen, Some(ask)).await?);
        let address = agent.address().ok_or("it listens nowhere")?;
        let taken = Arc::new(AtomicU64::new(0));
        tokio::spawn(answer_all(incoming, Arc::clone(&taken)));

        Ok(Self { address, agent, placed: AtomicU64::new(0), taken })
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Places a call and hangs up once it is answered; whether all of it was answered.
    pub(crate) fn place(&self, to: SocketAddr) -> impl Future<Output = bool> + Send + 'static {
        let number = self.placed.fetch_add(1, Ordering::Relaxed);
        let agent = Arc::clone(&self.agent);
        async move {
            let Ok(mut call) = agent.call(invite(to, number)) else { return false };
            let mut was_answered = false;
            while let Some(news) = call.news().await {
                match news {
                    News::Answered { .. } => {
                        was_answered = true;
                        call.hang_up(None);
                    }
                    News::Ended(end) => return was_answered && end == End::Ours,
                    News::Ringing | News::Early(_) => {}
                }
            }
            false
        }
    }
}

fn invite(to: SocketAddr, number: u64) -> Invite {
    let transport = Transport::Udp;
    Invite {
        targets: vec![Target { address: to, host: None, transport, priority: 1, weight: 1 }],
        extension: "200".into(),
        call_id: format!("{number}-{:016x}@offhook", rand::random::<u64>()),
        user_params: Vec::new(),
        caller: "100".into(),
        caller_host: None,
        caller_name: None,
        credentials: None,
        headers: Vec::new(),
        offer: SDP.into(),
        limits: Limits::default(),
    }
}

async fn answer_all(mut incoming: mpsc::Receiver<Incoming>, taken: Arc<AtomicU64>) {
    while let Some(asked) = incoming.recv().await {
        match asked {
            Incoming::Invite(invite) => {
                tokio::spawn(answer(invite, Arc::clone(&taken)));
            }
            Incoming::Register(register) => register.refuse(Refusal::of(403)),
        }
    }
}

async fn answer(invite: IncomingInvite, taken: Arc<AtomicU64>) {
    let Some(mut call) = invite.take("200", Patience::default()) else { return };
    call.answer(SDP.into());
    while let Some(told) = call.told().await {
        match told {
            // A BYE may overtake the ACK before it.
            Told::Standing => {}
            Told::Ended(end) => {
                taken.fetch_add(u64::from(end == End::Theirs), Ordering::Relaxed);
            }
        }
    }
}

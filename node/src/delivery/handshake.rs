//! The first message of each end: proof of its key, and the newest receipt that it knows.

use hashlease_domain::{
    lease::{Event, Lease, Party},
    receipt::SignedReceipt,
};

use super::{DeliveryError, manager::Shared};
use crate::{
    net::{
        PeerId, WorkStream,
        wire::{Hello, Role, WorkMessage, session},
    },
    store::guard::Statement,
};

/// Sends this end's hello for `lease` to `remote`.
pub(super) async fn send_hello(
    shared: &Shared,
    lease: &Lease,
    remote: PeerId,
    stream: &mut WorkStream,
) -> Result<(), DeliveryError> {
    let statement = Statement::Session(session(lease.id, shared.net.peer_id(), remote));
    let signature = shared.guard.check_and_sign(statement).await?;
    let role = match lease.party {
        Party::Seller => Role::Seller,
        Party::Agent => Role::Agent,
    };
    let hello = Hello { lease_id: lease.id, role, signature, newest: lease.receipt };
    Ok(stream.send(&WorkMessage::Hello(hello)).await?)
}

/// Receives the other end's hello, whoever it is.
pub(super) async fn receive_hello(stream: &mut WorkStream) -> Result<Hello, DeliveryError> {
    match stream.recv().await?.ok_or(DeliveryError::Closed)? {
        WorkMessage::Hello(hello) => Ok(hello),
        _ => Err(DeliveryError::OutOfTurn("something before its hello")),
    }
}

/// Checks that `remote` holds the other key of `lease`.
pub(super) fn check_hello(shared: &Shared, lease: &Lease, remote: PeerId, hello: &Hello) -> Result<(), DeliveryError> {
    let (role, name, key) = match lease.party {
        Party::Seller => (Role::Agent, "agent's", lease.terms.agent),
        Party::Agent => (Role::Seller, "seller's", lease.terms.seller),
    };
    let proven = hello.verify(shared.guard.domain(), remote, shared.net.peer_id(), key).is_ok();
    if proven && hello.role == role && hello.lease_id == lease.id { Ok(()) } else { Err(DeliveryError::Stranger(name)) }
}

/// Adopts the other end's newest receipt where it is above this end's, as after an answer that was lost.
pub(super) async fn adopt_newest(
    shared: &Shared,
    lease: &Lease,
    newest: Option<SignedReceipt>,
) -> Result<Lease, DeliveryError> {
    let Some(signed) = newest.filter(|signed| signed.receipt.through > lease.through()) else {
        return Ok(lease.clone());
    };
    let domain = shared.guard.domain();
    let by_both = signed.receipt.lease_id == lease.id
        && signed.seller.verify(domain, &signed.receipt, lease.terms.seller).is_ok()
        && signed.agent.verify(domain, &signed.receipt, lease.terms.agent).is_ok();
    if !by_both {
        tracing::warn!(lease = %lease.id, "the other side's newest receipt is not signed by both: left aside");
        return Ok(lease.clone());
    }
    Ok(shared.registry.apply(lease.id, &Event::Countersigned(signed)).await?)
}

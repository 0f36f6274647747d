//! `cancel`: the end of an order, or of a lease before its time.

use super::{
    Context,
    args::CancelCommand,
    error::Error,
    funds::{called, transactions},
    output::{Field, View},
    send,
};
use crate::settlement::Call;

pub(super) async fn cancel(context: &Context, command: CancelCommand) -> Result<View, Error> {
    let domain = context.config.chain.domain;
    let (signer, call) = match command {
        CancelCommand::Order { salt, signer } => {
            if signer.wallet.is_none() {
                context.client.cancel_order(salt).await?;
                return Ok(View::One(vec![("cancelled", Field::text(salt))]));
            }
            (signer, Call::CancelOrder { salt })
        }
        CancelCommand::Lease { id, signer } => {
            if signer.wallet.is_none() {
                return Ok(called(context.client.cancel_lease(id).await?));
            }
            let terms = context.client.lease(id).await?.terms;
            if terms.lease_id(&domain) != id {
                return Err(Error::WrongTerms(id));
            }
            (signer, Call::Cancel { terms: Box::new(terms) })
        }
    };
    let wallet = context.wallet(signer.wallet.as_deref().unwrap_or_default(), &signer.passphrase)?;
    let evm = context.evm().await?;
    Ok(transactions(&[send::send(&evm, domain, &wallet, &call).await?]))
}

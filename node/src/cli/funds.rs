//! `deposit`, `withdraw` and `balance`, of the node by its API and of a wallet by its own transactions.

use alloy_primitives::{Address, U256};

use super::{
    Context,
    amount::parse_amount,
    args::{BalanceArgs, TransferArgs, WithdrawArgs},
    error::Error,
    output::{Field, Record, View},
    send::{self, Sent, check_unit},
};
use crate::{
    api::types::{Balances, CallView, TokenBalance, TransferRequest},
    settlement::{Call, Contracts, Transactions},
};

pub(super) async fn deposit(context: &Context, args: TransferArgs) -> Result<View, Error> {
    let (token, amount) = parse_amount(&context.config, &args.amount.join(" "))?;
    let Some(wallet) = &args.owner.wallet else {
        let transfer = TransferRequest { token: token.address, amount, to: None };
        return Ok(called(context.client.deposit(&transfer).await?));
    };
    let evm = context.evm().await?;
    check_unit(&evm, token).await?;
    let wallet = context.wallet(wallet, &args.passphrase)?;
    let sent = send::deposit(&evm, context.config.chain.domain, &wallet, token.address, U256::from(amount)).await?;
    Ok(transactions(&sent))
}

pub(super) async fn withdraw(context: &Context, args: WithdrawArgs) -> Result<View, Error> {
    let WithdrawArgs { transfer: args, to } = args;
    let (token, amount) = parse_amount(&context.config, &args.amount.join(" "))?;
    let Some(wallet) = &args.owner.wallet else {
        let transfer = TransferRequest { token: token.address, amount, to };
        return Ok(called(context.client.withdraw(&transfer).await?));
    };
    let evm = context.evm().await?;
    check_unit(&evm, token).await?;
    let wallet = context.wallet(wallet, &args.passphrase)?;
    let to = to.unwrap_or_else(|| wallet.address());
    let call = Call::Withdraw { token: token.address, amount: U256::from(amount), to };
    let sent = send::send(&evm, context.config.chain.domain, &wallet, &call).await?;
    Ok(transactions(&[sent]))
}

pub(super) async fn balance(context: &Context, args: BalanceArgs) -> Result<View, Error> {
    let balances = match &args.wallet {
        Some(wallet) => on_chain(context, context.declared_address(wallet)?).await?,
        None => context.client.balances(args.account).await?,
    };
    Ok(view(context, &balances))
}

/// Reads the balances of an account from the chain itself.
async fn on_chain(context: &Context, account: Address) -> Result<Balances, Error> {
    let evm = context.evm().await?;
    let mut tokens = Vec::new();
    for token in context.config.tokens.values().map(|token| token.address) {
        let (escrow, wallet) = (evm.escrow_balance(account, token).await?, evm.token_balance(account, token).await?);
        tokens.push(TokenBalance { token, escrow, wallet });
    }
    Ok(Balances { account, native: evm.native_balance(account).await?, tokens })
}

fn view(context: &Context, balances: &Balances) -> View {
    let mut record: Record =
        vec![("account", Field::text(balances.account)), ("gasMoney", Field::native(balances.native))];
    let tokens = balances.tokens.iter().map(|balance| {
        let amount = |amount| Field::amount(amount, balance.token, &context.config);
        Field::record(vec![
            ("token", Field::text(balance.token)),
            ("inEscrow", amount(balance.escrow)),
            ("outside", amount(balance.wallet)),
        ])
    });
    record.push(("tokens", Field::list(tokens)));
    View::One(record)
}

/// Shows transactions of a wallet.
pub(super) fn transactions(sent: &[Sent]) -> View {
    let records = sent
        .iter()
        .map(|sent| vec![("transaction", Field::text(sent.hash)), ("gasUsed", Field::number(sent.gas_used))]);
    View::Many(records.collect(), "nothing to send")
}

/// Shows a call of the node.
pub(super) fn called(call: CallView) -> View {
    View::One(vec![
        ("call", Field::number(call.number)),
        ("transaction", Field::optional(call.hash.map(Field::text))),
        ("gasUsed", Field::optional(call.gas_used.map(Field::number))),
    ])
}

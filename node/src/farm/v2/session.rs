//! A V2 miner's or proxy's conversation, without I/O: messages and work go in, messages and shares come out.

use std::collections::BTreeMap;
use std::mem;
use std::net::SocketAddr;
use std::time::Duration;

use binary_sv2::U256Owned;
use codec_sv2::SerializedFrame;
use extensions_sv2::{RequestExtensionsErrorOwned, RequestExtensionsOwned};
use mining_sv2::{
    CloseChannelOwned, ERROR_CODE_OPEN_MINING_CHANNEL_CHANNEL_CAPACITY_EXHAUSTED,
    ERROR_CODE_OPEN_MINING_CHANNEL_EXTENDED_CHANNELS_NOT_SUPPORTED_FOR_STANDARD_JOBS,
    ERROR_CODE_OPEN_MINING_CHANNEL_INVALID_NOMINAL_HASHRATE, ERROR_CODE_OPEN_MINING_CHANNEL_MAX_TARGET_OUT_OF_RANGE,
    ERROR_CODE_OPEN_MINING_CHANNEL_MIN_EXTRANONCE_SIZE_TOO_LARGE, ERROR_CODE_SET_CUSTOM_MINING_JOB_JD_NOT_SUPPORTED,
    ERROR_CODE_SUBMIT_SHARES_INVALID_CHANNEL_ID, ERROR_CODE_UPDATE_CHANNEL_INVALID_CHANNEL_ID,
    OpenMiningChannelErrorOwned, SetCustomMiningJobErrorOwned, UpdateChannelErrorOwned, UpdateChannelOwned,
};
use parsers_sv2::{
    AnyMessage, AnyMessageOwned, CommonMessagesOwned, ExtensionsNegotiationOwned, ExtensionsOwned, MiningOwned,
    ParserError,
};
use tokio::sync::watch;
use tokio::time::Instant;

use super::super::config::FarmConfig;
use super::super::error::Hangup;
use super::super::handle::Farm;
use super::super::job::{FarmShare, Work};
use super::super::record::RejectReason;
use super::super::session::shown;
use super::super::verifier::Outcome;
use super::channel::{Channel, Misfit, Pending, Ticket, refusal};
use super::message::{GROUP, Kind, Opening, Submitted, mining, opened, read_target, text};
use super::setup::{self, Setup};

/// Why a channel is closed: the miner's part of the extranonce has no room in its lease's jobs, or the job none in a message.
const REASON_MISFIT: &str = "job-does-not-fit-channel";
/// Why a channel is closed: it works on something that it wasn't given.
const REASON_BAD_SHARES: &str = "too-many-rejected-shares";

/// What a message brought beside its answer.
#[expect(clippy::large_enum_variant, reason = "the large one is nearly all of them")]
pub(super) enum Event {
    /// A submit, which [`Session::on_checked`] answers once it was hashed.
    Submitted(Pending),
    /// A channel of this number, and what it is to mine from now on.
    Opened(u32, watch::Receiver<Work>),
}

/// One connection's state.
pub(super) struct Session {
    farm: Farm,
    remote: SocketAddr,
    limits: FarmConfig,
    setup: Option<Setup>,
    channels: BTreeMap<u32, Channel>,
    last_channel: u32,
    out: Vec<AnyMessageOwned>,
    /// Why the connection is to be closed once everything was written.
    parting: Option<Hangup>,
    /// Submits in a row for channels that there aren't.
    strays: u32,
    /// Messages of one second, and when it began.
    messages: u32,
    second: Instant,
    heard_at: Instant,
    /// Since when there is no channel.
    empty_since: Instant,
}

impl Session {
    pub(super) fn new(farm: Farm, remote: SocketAddr, limits: FarmConfig, now: Instant) -> Self {
        Self {
            farm,
            remote,
            limits,
            setup: None,
            channels: BTreeMap::new(),
            last_channel: GROUP,
            out: Vec::new(),
            parting: None,
            strays: 0,
            messages: 0,
            second: now,
            heard_at: now,
            empty_since: now,
        }
    }

    /// Takes the messages that are to be sent; [`Session::written`] must follow once they are.
    pub(super) fn take_output(&mut self) -> Vec<AnyMessageOwned> {
        self.out.extend(self.channels.values_mut().filter_map(Channel::take_accepted));
        mem::take(&mut self.out)
    }

    /// Says that everything was written.
    pub(super) fn written(&self, now: Instant) {
        for channel in self.channels.values() {
            channel.station.record.live().written(now);
        }
    }

    /// Why the connection is to be closed now that everything was written.
    pub(super) fn parting(&mut self) -> Option<Hangup> {
        self.parting.take()
    }

    /// Reads a frame; gives the message that it carries, if it is one of this protocol.
    pub(super) fn hear(&mut self, mut frame: SerializedFrame, now: Instant) -> Result<Option<AnyMessageOwned>, Hangup> {
        self.heard_at = now;
        self.check_pace(now)?;
        match AnyMessage::try_from((frame.header(), frame.payload())).map(AnyMessage::into_owned) {
            Ok(message) => Ok(Some(message)),
            // Of a later version of the protocol, or of an extension.
            Err(ParserError::UnexpectedMessage(_)) if self.setup.is_some() => Ok(None),
            Err(_) => Err(Hangup::Message),
        }
    }

    fn check_pace(&mut self, now: Instant) -> Result<(), Hangup> {
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            (self.messages, self.second) = (0, now);
        }
        self.messages += 1;
        if self.messages > self.limits.max_messages_per_s { Err(Hangup::TooTalkative) } else { Ok(()) }
    }

    /// Answers a message; the first must be a set-up, and no other may.
    ///
    /// Submits that came before any other message must be answered before it.
    pub(super) fn on_message(&mut self, message: AnyMessageOwned, now: Instant) -> Result<Option<Event>, Hangup> {
        match (message, self.setup.is_some()) {
            (AnyMessageOwned::Common(CommonMessagesOwned::SetupConnection(asked)), false) => {
                let answer = match setup::answer(&asked) {
                    Ok((setup, success)) => {
                        self.setup = Some(setup);
                        CommonMessagesOwned::SetupConnectionSuccess(success)
                    }
                    Err(refusal) => {
                        self.parting = Some(Hangup::Refused(refusal.code));
                        CommonMessagesOwned::SetupConnectionError(refusal.message())
                    }
                };
                self.out.push(AnyMessageOwned::Common(answer));
                Ok(None)
            }
            (AnyMessageOwned::Mining(message), true) => self.on_mining(message, now),
            (
                AnyMessageOwned::Extensions(ExtensionsOwned::ExtensionsNegotiation(
                    ExtensionsNegotiationOwned::RequestExtensions(asked),
                )),
                true,
            ) => self.refuse_extensions(asked),
            _ => Err(Hangup::Message),
        }
    }

    fn on_mining(&mut self, message: MiningOwned, now: Instant) -> Result<Option<Event>, Hangup> {
        match message {
            MiningOwned::OpenStandardMiningChannel(asked) => Ok(self.on_open(&asked.into(), now)),
            MiningOwned::OpenExtendedMiningChannel(asked) => Ok(self.on_open(&asked.into(), now)),
            MiningOwned::UpdateChannel(asked) => self.update(&asked, now),
            MiningOwned::CloseChannel(asked) => self.close(asked.channel_id, now),
            MiningOwned::SubmitSharesStandard(submit) => Ok(Some(self.submit(submit.channel_id, &submit.into(), now))),
            MiningOwned::SubmitSharesExtended(submit) => Ok(Some(self.submit(submit.channel_id, &submit.into(), now))),
            MiningOwned::SetCustomMiningJob(asked) => {
                self.out.push(mining(MiningOwned::SetCustomMiningJobError(SetCustomMiningJobErrorOwned {
                    channel_id: asked.channel_id,
                    request_id: asked.request_id,
                    error_code: text(ERROR_CODE_SET_CUSTOM_MINING_JOB_JD_NOT_SUPPORTED),
                })));
                Ok(None)
            }
            // What only a server says.
            _ => Err(Hangup::Message),
        }
    }

    /// No extension is supported, and none required.
    fn refuse_extensions(&mut self, asked: RequestExtensionsOwned) -> Result<Option<Event>, Hangup> {
        let refused = RequestExtensionsErrorOwned {
            request_id: asked.request_id,
            unsupported_extensions: asked.requested_extensions,
            required_extensions: Vec::new().try_into().map_err(|_| Hangup::Unwritable)?,
        };
        let answer = ExtensionsNegotiationOwned::RequestExtensionsError(refused);
        self.out.push(AnyMessageOwned::Extensions(ExtensionsOwned::ExtensionsNegotiation(answer)));
        Ok(None)
    }

    fn on_open(&mut self, opening: &Opening, now: Instant) -> Option<Event> {
        match self.open(opening, now) {
            Ok(event) => Some(event),
            Err(code) => {
                let refused = OpenMiningChannelErrorOwned { request_id: opening.request_id, error_code: text(code) };
                self.out.push(mining(MiningOwned::OpenMiningChannelError(refused)));
                None
            }
        }
    }

    /// Opens a channel, or tells the code of the error.
    fn open(&mut self, opening: &Opening, now: Instant) -> Result<Event, &'static str> {
        let setup = self.setup.as_ref();
        if opening.kind == Kind::Extended && setup.is_some_and(|setup| setup.only_standard) {
            return Err(ERROR_CODE_OPEN_MINING_CHANNEL_EXTENDED_CHANNELS_NOT_SUPPORTED_FOR_STANDARD_JOBS);
        }
        check_claims(opening.hashrate, &opening.max_target)?;
        let free = self.channels.len() < self.limits.max_channels;
        let guest = free.then(|| self.farm.enter(self.remote, self.limits.max_connections)).flatten();
        let guest = guest.ok_or(ERROR_CODE_OPEN_MINING_CHANNEL_CHANNEL_CAPACITY_EXHAUSTED)?;
        let id = self.last_channel.checked_add(1).ok_or(ERROR_CODE_OPEN_MINING_CHANNEL_CHANNEL_CAPACITY_EXHAUSTED)?;
        let size2 = opening.size2.try_into().unwrap_or(u8::MAX);
        let mut channel = Channel::open(id, opening.kind, size2, guest, self.limits.clone(), now)
            .ok_or(ERROR_CODE_OPEN_MINING_CHANNEL_MIN_EXTRANONCE_SIZE_TOO_LARGE)?;
        {
            let mut live = channel.station.record.live();
            live.worker = shown(&opening.user.as_utf8_or_hex());
            live.user_agent = setup.map(|setup| setup.user_agent.clone()).unwrap_or_default();
        }
        let max_target = read_target(&opening.max_target);
        channel.station.vardiff.declare(opening.hashrate.into(), max_target);
        let (target, division) = (channel.begin_at(max_target), channel.station.division);
        let work = channel.station.record.work.subscribe();
        self.out.push(mining(opened(opening, id, target, division)));
        self.last_channel = id;
        self.channels.insert(id, channel);
        Ok(Event::Opened(id, work))
    }

    fn update(&mut self, asked: &UpdateChannelOwned, now: Instant) -> Result<Option<Event>, Hangup> {
        let claims = check_claims(asked.nominal_hash_rate, &asked.maximum_target);
        let found = match (self.channels.get_mut(&asked.channel_id), claims) {
            (None, _) => Err(ERROR_CODE_UPDATE_CHANNEL_INVALID_CHANNEL_ID),
            // The codes are those of an opening.
            (_, Err(code)) => Err(code),
            (Some(channel), Ok(())) => Ok(channel),
        };
        match found {
            Ok(channel) => {
                channel.station.vardiff.declare(asked.nominal_hash_rate.into(), read_target(&asked.maximum_target));
                let fits = channel.retune(now, &mut self.out);
                self.shut_where(asked.channel_id, fits, now);
            }
            Err(code) => {
                let refused = UpdateChannelErrorOwned { channel_id: asked.channel_id, error_code: text(code) };
                self.out.push(mining(MiningOwned::UpdateChannelError(refused)));
            }
        }
        Ok(None)
    }

    /// Closes a channel, or all of them by the number of their group.
    fn close(&mut self, channel_id: u32, now: Instant) -> Result<Option<Event>, Hangup> {
        let before = self.channels.len();
        self.channels.retain(|id, _| *id != channel_id && channel_id != GROUP);
        if self.channels.len() < before {
            self.empty_since = now;
        }
        Ok(None)
    }

    fn submit(&self, channel_id: u32, submitted: &Submitted, now: Instant) -> Event {
        let unknown = Err((RejectReason::Malformed, ERROR_CODE_SUBMIT_SHARES_INVALID_CHANNEL_ID));
        let formed = self.channels.get(&channel_id).map_or(unknown, |channel| channel.form(submitted, now));
        let answer = Ticket { channel_id, sequence_number: submitted.sequence_number };
        Event::Submitted(Pending { answer, came_at: now, formed })
    }

    /// Judges a submit and answers it; gives a share where it is one.
    ///
    /// `checked` is what became of the submit's candidate, where it had one.
    pub(super) fn on_checked(
        &mut self,
        pending: Pending,
        checked: Option<Outcome>,
    ) -> Result<Option<FarmShare>, Hangup> {
        let (ticket, now) = (pending.answer, pending.came_at);
        // Never opened, or closed for the submits before this one.
        let Some(channel) = self.channels.get_mut(&ticket.channel_id) else {
            self.strays += 1;
            self.out.push(refusal(ticket, ERROR_CODE_SUBMIT_SHARES_INVALID_CHANNEL_ID));
            return if self.strays > self.limits.max_rejected_in_a_row { Err(Hangup::BadShares) } else { Ok(None) };
        };
        self.strays = 0;
        let share = channel.on_checked(pending, checked, &mut self.out)?;
        if share.is_none() && channel.station.rejected_in_a_row > self.limits.max_rejected_in_a_row {
            self.shut(ticket.channel_id, REASON_BAD_SHARES, now);
        } else {
            let fits = channel.retune(now, &mut self.out);
            self.shut_where(ticket.channel_id, fits, now);
        }
        Ok(share)
    }

    /// Gives a channel other work; one that was closed meanwhile needs none.
    pub(super) fn on_work(&mut self, channel_id: u32, work: Work, now: Instant) {
        if let Some(channel) = self.channels.get_mut(&channel_id) {
            let fits = channel.on_work(work, now, &mut self.out);
            self.shut_where(channel_id, fits, now);
        }
    }

    fn shut_where(&mut self, channel_id: u32, fits: Result<(), Misfit>, now: Instant) {
        if fits.is_err() {
            self.shut(channel_id, REASON_MISFIT, now);
        }
    }

    /// Closes a channel on the farm's part, and gives up its seat; the miner may open another.
    fn shut(&mut self, channel_id: u32, reason: &'static str, now: Instant) {
        if let Some(mut channel) = self.channels.remove(&channel_id) {
            self.out.extend(channel.take_accepted());
            let message = CloseChannelOwned { channel_id, reason_code: text(reason) };
            self.out.push(mining(MiningOwned::CloseChannel(message)));
            self.empty_since = now;
        }
    }

    /// When [`Session::on_deadline`] is to be called unless something else comes first.
    pub(super) fn deadline(&self) -> Instant {
        let silent_at = self.heard_at + self.limits.idle_timeout;
        match self.channels.values().map(|channel| channel.station.due_at()).min() {
            Some(due_at) => silent_at.min(due_at),
            None => silent_at.min(self.empty_since + self.limits.handshake_timeout),
        }
    }

    /// Repeats the channels' work, gives easier work, or gives the miner up.
    pub(super) fn on_deadline(&mut self, now: Instant) -> Result<(), Hangup> {
        if now >= self.heard_at + self.limits.idle_timeout {
            return Err(Hangup::Silent);
        }
        if self.channels.is_empty() && now >= self.empty_since + self.limits.handshake_timeout {
            return Err(Hangup::NoChannel);
        }
        let mut misfits = Vec::new();
        for channel in self.channels.values_mut() {
            if channel.on_deadline(now, &mut self.out).is_err() {
                misfits.push(channel.id);
            }
        }
        for channel_id in misfits {
            self.shut(channel_id, REASON_MISFIT, now);
        }
        Ok(())
    }
}

/// Checks what a miner says of itself: a hashrate that is one, and a target that some hash meets.
fn check_claims(hashrate: f32, max_target: &U256Owned) -> Result<(), &'static str> {
    if !hashrate.is_finite() || hashrate < 0.0 {
        return Err(ERROR_CODE_OPEN_MINING_CHANNEL_INVALID_NOMINAL_HASHRATE);
    }
    if max_target.as_bytes().iter().all(|byte| *byte == 0) {
        return Err(ERROR_CODE_OPEN_MINING_CHANNEL_MAX_TARGET_OUT_OF_RANGE);
    }
    Ok(())
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;

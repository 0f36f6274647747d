//! The dialects that pools speak, each a line of a table: what the pool sends, and what comes of it.
//!
//! The pool answers as every pool should, but for what the line says.

use std::time::Duration;

use hashlease_miner::pow::Target;
use hashlease_miner::stratum::{Method, encode};
use hashlease_node::destination::{Patience, SubmitOutcome, SubmitOutcome::ShareAccepted};
use tokio::time::timeout;

use crate::pool::{LEASE, destination, failing, next_job, outcome, refused, solve, submit};
use crate::scripted_pool::{DEADLINE, Peer, ScriptedPool, job};

/// Closes the connection in place of an answer.
const HANG_UP: &str = "hang up";
/// No answer at all.
const SILENCE: &str = "";
/// A share every 4,300 hashes.
const DIFFICULTY: &str = "1e-6";

const CONFIGURE: &str = "mining.configure";
const SUBSCRIBE: &str = "mining.subscribe";
const AUTHORIZE: &str = "mining.authorize";
const EXTRANONCE: &str = "mining.extranonce.subscribe";
const SUBMIT: &str = "mining.submit";

/// What every pool should answer; `$id` stands for the request's id.
const PLAIN: [(&str, &str); 5] = [
    (CONFIGURE, r#"{"id":$id,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000"},"error":null}"#),
    (SUBSCRIBE, r#"{"id":$id,"result":[[["mining.notify","1"]],"08000002",8],"error":null}"#),
    (AUTHORIZE, "{\"id\":$id,\"result\":true,\"error\":null}\n$difficulty\n$job"),
    (EXTRANONCE, r#"{"id":$id,"result":true,"error":null}"#),
    (SUBMIT, r#"{"id":$id,"result":true,"error":null}"#),
];

/// What comes of a dialect.
enum Outcome {
    /// Mining with these version bits; the pool's answer to a share means this.
    Mines(u32, SubmitOutcome),
    /// No work, and words that say why.
    Fails(&'static str),
}
use Outcome::{Fails, Mines};

/// A dialect: its name, what it answers otherwise, and what comes of it.
type Dialect = (&'static str, Vec<(&'static str, &'static str)>, Outcome);

fn dialects() -> Vec<Dialect> {
    const ALL: u32 = 0x1fff_e000;
    let mines = |mask| Mines(mask, ShareAccepted);
    let refuses = |reason: &str| Mines(ALL, refused(reason));
    let authorized = |line| vec![(AUTHORIZE, line)];
    let judged = |line| vec![(SUBMIT, line)];
    vec![
        ("as every pool should", vec![], mines(ALL)),
        // Configuration.
        ("hangs up on configure (ckpool of 2017)", vec![(CONFIGURE, HANG_UP)], mines(0)),
        ("never answers configure", vec![(CONFIGURE, SILENCE)], mines(0)),
        (
            "refuses configure as unknown (DATUM's words)",
            vec![(CONFIGURE, r#"{"error":[-3,"Method not found",null],"id":$id,"result":null}"#)],
            mines(0),
        ),
        ("refuses configure without a word", vec![(CONFIGURE, r#"{"id":$id,"result":false}"#)], mines(0)),
        (
            "rolls no versions",
            vec![(CONFIGURE, r#"{"id":$id,"result":{"version-rolling":false},"error":null}"#)],
            mines(0),
        ),
        (
            "grants a narrow mask",
            vec![(
                CONFIGURE,
                r#"{"id":$id,"result":{"version-rolling":true,"version-rolling.mask":"00C0E000"},"error":null}"#,
            )],
            mines(0x00c0_e000),
        ),
        (
            "grants the wide mask of BIP 323, of which sellers' miners use BIP 320's",
            vec![(
                CONFIGURE,
                r#"{"id":$id,"result":{"version-rolling":true,"version-rolling.mask":"1fffffe0"},"error":null}"#,
            )],
            mines(ALL),
        ),
        (
            "says what was not asked, and the mask once more (DATUM)",
            vec![
                (
                    CONFIGURE,
                    r#"{"error":null,"id":$id,"result":{"version-rolling":true,"version-rolling.mask":"1fffe000","minimum-difficulty":false}}"#,
                ),
                (
                    AUTHORIZE,
                    "{\"id\":$id,\"result\":true,\"error\":null}\n{\"id\":null,\"method\":\"mining.set_version_mask\",\"params\":[\"1fffe000\"]}\n$difficulty\n$job",
                ),
            ],
            mines(ALL),
        ),
        // Subscription.
        (
            "difficulty and job before authorize (ckpool, DATUM)",
            vec![
                (
                    SUBSCRIBE,
                    "{\"result\":[[[\"mining.notify\",\"6b02976e\"]],\"08000002\",8],\"id\":$id,\"error\":null}\n$difficulty\n$job",
                ),
                (AUTHORIZE, r#"{"result":true,"id":$id,"error":null}"#),
            ],
            mines(ALL),
        ),
        (
            "no subscriptions, no error key, CRLF and blank lines",
            vec![(SUBSCRIBE, "\r\n{\"id\":$id,\"result\":[null,\"08000002\",8]}\r\n\r\n")],
            mines(ALL),
        ),
        (
            "refuses the subscription",
            vec![(SUBSCRIBE, r#"{"id":$id,"result":null,"error":[20,"Pool is full",null]}"#)],
            Fails("refuses the subscription (pool is full (20))"),
        ),
        ("leaves four bytes", vec![(SUBSCRIBE, r#"{"id":$id,"result":[[],"08000002",4],"error":null}"#)], mines(ALL)),
        (
            "leaves three bytes",
            vec![(SUBSCRIBE, r#"{"id":$id,"result":[[],"08000002",3],"error":null}"#)],
            Fails("choose another pool in pool.urls"),
        ),
        // Authorization.
        (
            "refuses the user by false",
            authorized(r#"{"id":$id,"result":false,"error":null}"#),
            Fails("correct pool.user or pool.password_file"),
        ),
        (
            "refuses the user by an error",
            authorized(r#"{"id":$id,"result":null,"error":[24,"Unauthorized worker",null]}"#),
            Fails("refuses the user (unauthorized worker (24))"),
        ),
        (
            "a difficulty as text (cpuminer-opt's own way round)",
            authorized(
                "{\"id\":$id,\"result\":true,\"error\":null}\n{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[\"0.000001\"]}\n$job",
            ),
            mines(ALL),
        ),
        (
            "questions and words in between",
            authorized(
                "{\"id\":7,\"method\":\"client.get_version\",\"params\":[]}\n{\"id\":\"x\",\"method\":\"mining.ping\"}\n{\"id\":$id,\"result\":true,\"error\":null}\n{\"id\":null,\"method\":\"client.show_message\",\"params\":[\"hi\"]}\n{\"id\":null,\"method\":\"client.reconnect\",\"params\":[\"192.0.2.1\",1,0]}\n{\"method\":\"mining.unheard_of\"}\n$difficulty\n$job",
            ),
            mines(ALL),
        ),
        ("dead on an open socket", authorized(r#"{"id":$id,"result":true,"error":null}"#), Fails("gave no job within")),
        // Extranonce subscription.
        (
            "knows no extranonce subscription",
            vec![(EXTRANONCE, r#"{"id":$id,"result":null,"error":[20,"Not supported.",null]}"#)],
            mines(ALL),
        ),
        ("never answers the extranonce subscription", vec![(EXTRANONCE, SILENCE)], mines(ALL)),
        // Refusals of shares.
        (
            "an array",
            judged(r#"{"id":$id,"result":null,"error":[23,"Low difficulty share",null]}"#),
            refuses("low difficulty share (23)"),
        ),
        (
            "an array with false",
            judged(r#"{"error":[20,"unknown-work",null],"id":$id,"result":false}"#),
            refuses("unknown work (20)"),
        ),
        (
            "a reject-reason (ckpool)",
            judged(r#"{"reject-reason":"Invalid JobID","result":false,"error":null,"id":$id}"#),
            refuses("invalid jobid"),
        ),
        ("a plain string", judged(r#"{"result":false,"error":"Above target","id":$id}"#), refuses("above target")),
        (
            "an object",
            judged(r#"{"result":null,"error":{"code":-2,"message":"duplicate"},"id":$id}"#),
            refuses("duplicate (-2)"),
        ),
        ("false alone", judged(r#"{"id":$id,"result":false}"#), refuses("no reason given")),
        ("true without an error key", judged(r#"{"id":$id,"result":true}"#), mines(ALL)),
        ("hangs up on a share", judged(HANG_UP), refuses("lost: the connection ended")),
    ]
}

/// Answers one connection as the dialect does, to its end.
pub(crate) async fn speak(peer: &mut Peer, answers: &[(&str, &str)]) {
    let difficulty =
        encode::notification("mining.set_difficulty", &serde_json::from_str(&format!("[{DIFFICULTY}]")).unwrap());
    let notify = encode::notify(&job("1", true));
    while let Some(request) = peer.try_request().await {
        assert!(request.id.is_u64(), "ids must be integers: DATUM hangs up on others");
        let method = match request.method {
            Method::Configure(_) => CONFIGURE,
            Method::Subscribe { .. } => SUBSCRIBE,
            Method::Authorize { .. } => AUTHORIZE,
            Method::ExtranonceSubscribe => EXTRANONCE,
            Method::Submit(_) => SUBMIT,
            other => panic!("{other:?}"),
        };
        let answer = answers.iter().chain(&PLAIN).find(|(asked, _)| *asked == method).unwrap().1;
        if answer == HANG_UP {
            return;
        }
        let answer = answer.replace("$id", &request.id.to_string());
        let answer = answer.replace("$difficulty", difficulty.trim()).replace("$job", notify.trim());
        if !answer.is_empty() && peer.try_send(&format!("{answer}\n")).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn every_dialect_is_understood() {
    let patience =
        Patience { first_job: Duration::from_secs(2), back_off_min: Duration::from_millis(10), ..Patience::default() };
    for (name, answers, expected) in dialects() {
        let pool = ScriptedPool::listen_with(8).await;
        let (destination, _shutdown) = destination(&[&pool], patience);
        let mut work = destination.lease_work(LEASE);
        let speaking = async {
            loop {
                speak(&mut pool.accept().await, &answers).await;
            }
        };
        let heard = async {
            match expected {
                Fails(words) => {
                    let failure = failing(&work).await;
                    assert!(failure.contains(words) && failure.contains("of pool.urls: "), "{name}: {failure}");
                }
                Mines(mask, judgement) => {
                    let given = next_job(&mut work).await;
                    assert_eq!(given.job.version_mask, mask, "{name}");
                    assert_eq!(given.target, Target::from_difficulty(DIFFICULTY.parse().unwrap()).unwrap(), "{name}");
                    let submitted = submit(&given, &solve(&given, given.target, 0));
                    assert_eq!(outcome(submitted).await, judgement, "{name}");
                }
            }
        };
        tokio::select! {
            () = speaking => unreachable!("the pool serves without end"),
            heard = timeout(DEADLINE, heard) => heard.unwrap_or_else(|_| panic!("{name}: nothing came of it")),
        }
    }
}

//! The binary, as a process of its own.

use std::process::{Output, Stdio};

use crate::scripted_pool::{DEADLINE, DIFFICULTY, ScriptedPool, VERSION_MASK, job, verify};
use hashlease_miner::pow::Target;
use hashlease_miner::pow::kernels::KERNELS;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

fn miner(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_hashlease-miner"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn end(child: Child) -> Output {
    tokio::time::timeout(DEADLINE, child.wait_with_output()).await.expect("the miner didn't end").unwrap()
}

#[tokio::test]
async fn it_mines_with_the_password_of_a_file_and_exits_zero_on_sigterm_and_sigint() {
    let folder = tempfile::tempdir().unwrap();
    let pass_file = folder.path().join("pass");
    std::fs::write(&pass_file, "secret\n").unwrap();
    for signal in ["-TERM", "-INT"] {
        let pool = ScriptedPool::listen().await;
        let url = pool.config().url.to_string();
        let arguments =
            ["--url", &url, "--user", "u.w", "--threads", "1", "--json", "--pass-file", pass_file.to_str().unwrap()];
        let child = miner(&arguments);
        let mut peer = pool.accept().await;
        // The handshake checks the user and the password.
        peer.handshake().await;
        let notify = job("a", true);
        peer.give_job(DIFFICULTY, &notify).await;
        let (id, submit) = peer.share().await;
        verify(&notify, &submit, VERSION_MASK, DIFFICULTY);
        peer.answer(&id, json!(true)).await;
        // The client reads the answer before this pong's question, so the pong shows that the share is counted.
        peer.send("{\"id\":\"p\",\"method\":\"mining.ping\",\"params\":[]}\n").await;
        peer.reply().await;
        let kill = format!("kill {signal} {}", child.id().unwrap());
        assert!(Command::new("sh").args(["-c", &kill]).status().await.unwrap().success());
        let output = end(child).await;
        let last = String::from_utf8(output.stdout).unwrap().lines().last().map(str::to_owned);
        let report: Value = serde_json::from_str(&last.expect("a last line of JSON")).unwrap();
        assert_eq!(
            (output.status.code(), &report["state"], &report["accepted"]),
            (Some(0), &json!("stopped"), &json!(1))
        );
        let work = u64::try_from(Target::from_difficulty(DIFFICULTY).unwrap().work()).unwrap();
        assert_eq!((&report["accepted_work"], &report["accepted_hashrate_error"]), (&json!(work), &json!(1.0)));
        assert!(report["mining_ms"].as_u64().unwrap() > 0 && report["accepted_hashrate_hs"].as_f64().unwrap() > 0.0);
    }
}

#[tokio::test]
async fn it_ends_with_a_summary_for_people() {
    let pool = ScriptedPool::listen().await;
    let url = pool.config().url.to_string();
    let child = miner(&["--url", &url, "--user", "u.w", "--threads", "1", "--cpu", "50%", "--low-priority"]);
    pool.accept().await.request().await;
    let kill = format!("kill -TERM {}", child.id().unwrap());
    assert!(Command::new("sh").args(["-c", &kill]).status().await.unwrap().success());
    let output = end(child).await;
    assert_eq!(output.status.code(), Some(0));
    let words = String::from_utf8(output.stderr).unwrap();
    for told in ["mined for 00:00:00", "accepted 0 shares", "rejected 0"] {
        assert!(words.contains(told), "{words}");
    }
}

#[tokio::test]
async fn bench_measures_every_kernel_of_this_host_and_names_the_chosen_one() {
    let output = end(miner(&["bench", "--json", "--threads", "2", "--seconds", "0.05"])).await;
    assert_eq!(output.status.code(), Some(0));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let kernels = report["kernels"].as_array().unwrap();
    let supported = KERNELS.iter().filter(|kernel| (kernel.supported)()).count();
    assert_eq!((kernels.len(), &report["threads"]), (supported, &json!(2)));
    for kernel in kernels {
        assert!(kernel["single_hs"].as_u64() > Some(0) && kernel["all_hs"].as_u64() > Some(0), "{kernel}");
    }
    for chosen in ["rolling", "plain"] {
        assert!(kernels.iter().any(|kernel| kernel["name"] == report[chosen]), "{chosen}");
    }
}

#[tokio::test]
async fn help_teaches_and_a_wrong_url_says_what_to_write() {
    let help = end(miner(&["--help"])).await;
    assert_eq!(help.status.code(), Some(0));
    let text = String::from_utf8(help.stdout).unwrap();
    for taught in ["--pass-file", "stratum+tcp://HOST:PORT", "Examples:", "--json", "--cpu", "hashlease-miner bench"] {
        assert!(text.contains(taught), "{taught}");
    }
    let wrong = end(miner(&["--url", "pool:3333", "--user", "u"])).await;
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("write stratum+tcp://HOST:PORT"));
}

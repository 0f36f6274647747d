//! The binary under an override of its kernel.

use std::process::Stdio;

use hashlease_miner::pow::kernels::{KERNELS, OVERRIDE};
use tokio::process::Command;

use crate::scripted_pool::{DEADLINE, DIFFICULTY, ScriptedPool, VERSION_MASK, job, verify};

fn miner(url: &str, kernel: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hashlease-miner"));
    command.args(["--url", url, "--user", "u.w", "--threads", "1"]).env(OVERRIDE, kernel);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

#[tokio::test]
async fn a_share_is_found_under_each_kernel_of_this_host() {
    let folder = tempfile::tempdir().unwrap();
    let pass_file = folder.path().join("pass");
    // What the handshake expects.
    std::fs::write(&pass_file, "secret").unwrap();
    for kernel in KERNELS.iter().filter(|kernel| (kernel.supported)()) {
        let pool = ScriptedPool::listen().await;
        let mut command = miner(&pool.config().url.to_string(), kernel.name);
        let _child = command.arg("--pass-file").arg(&pass_file).spawn().unwrap();
        let mut peer = pool.accept().await;
        peer.handshake().await;
        let notify = job("a", true);
        peer.give_job(DIFFICULTY, &notify).await;
        let (_, submit) = peer.share().await;
        verify(&notify, &submit, VERSION_MASK, DIFFICULTY);
    }
}

#[tokio::test]
async fn an_override_that_names_no_kernel_of_this_host_ends_the_miner_and_lists_the_names() {
    let output = miner("stratum+tcp://127.0.0.1:9", "fastest").output();
    let output = tokio::time::timeout(DEADLINE, output).await.expect("the miner didn't end").unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("HASHLEASE_KERNEL names \"fastest\"") && error.contains("portable"), "{error}");
}

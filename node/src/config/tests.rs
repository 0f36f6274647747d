use std::{error::Error, ffi::OsString, os::unix::fs::PermissionsExt};

use super::*;
use crate::config::{datadir::read_secret, init::InitError};
use crate::keys::SecretKey;

const MINIMAL: &str = r#"
[chain]
rpc = "http://127.0.0.1:8545"
chain_id = 31337
escrow = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
"#;

fn datadir() -> DataDir {
    DataDir::locate(Some("/data".into()), |_| None).unwrap()
}

fn read(text: &str, variables: &[(&str, &str)], overrides: Overrides) -> Result<Config, ConfigError> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::read(datadir(), text, variables, overrides)
}

fn defaults() -> Config {
    read(MINIMAL, &[], Overrides::default()).unwrap()
}

/// The error and its causes, as the command line prints them.
fn told(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}

fn refused(text: &str, variables: &[(&str, &str)]) -> String {
    told(&read(text, variables, Overrides::default()).unwrap_err())
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default() {
    let file = format!("{MINIMAL}\n[api]\naddr = \"127.0.0.1:2\"\n");
    let env = [("HASHLEASE_API_ADDR", "127.0.0.1:3")];
    let flag = Overrides { api_addr: Some("127.0.0.1:4".parse().unwrap()), ..Overrides::default() };
    let port = |text, variables, overrides| read(text, variables, overrides).unwrap().api.addr.port();
    assert_eq!(port(MINIMAL, &[], Overrides::default()), 7780);
    assert_eq!(port(&file, &[], Overrides::default()), 2);
    assert_eq!(port(&file, &env, Overrides::default()), 3);
    assert_eq!(port(&file, &env, flag), 4);
}

#[test]
fn every_kind_of_value_comes_from_the_environment_too() {
    let config = read(
        MINIMAL,
        &[
            ("HASHLEASE_CHAIN_CHAIN_ID", "1"),
            ("HASHLEASE_NET_LISTEN", "/ip4/127.0.0.1/tcp/1, /ip4/127.0.0.1/tcp/2"),
            ("HASHLEASE_MARKET_OPEN", "false"),
            ("HASHLEASE_TOKENS_tHASH_ADDRESS", "0x00000000000000000000000000000000000000a1"),
            ("HASHLEASE_TOKENS_tHASH_DECIMALS", "18"),
            ("HASHLEASE_DATADIR", "/elsewhere"),
            ("HASHLEASE_BITS", "not for the configuration"),
            ("HOME", "/root"),
        ],
        Overrides::default(),
    )
    .unwrap();
    assert_eq!(config.chain.domain.chain_id, 1);
    assert_eq!(config.net.listen, ["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2"]);
    assert!(!config.opens);
    assert_eq!(config.token("THASH").unwrap().0, "tHASH");
    assert_eq!(config.token("THASH").unwrap().1.decimals, 18);
}

#[test]
fn sections_make_roles_and_mining_makes_a_seller() {
    assert_eq!((defaults().farm, defaults().bitcoin), (None, None));
    let mine = Overrides { mine: Some(3), ..Overrides::default() };
    let farm = read(MINIMAL, &[], mine).unwrap().farm.unwrap();
    assert_eq!((farm.mine, farm.stratum.port(), farm.stratum_v2, farm.payee), (3, 3333, None, None));
    let farm = read(MINIMAL, &[("HASHLEASE_FARM_STRATUM_V2", "127.0.0.1:34")], mine).unwrap().farm.unwrap();
    assert_eq!(farm.stratum_v2, Some("127.0.0.1:34".parse().unwrap()));
}

#[test]
fn an_unknown_key_is_refused_by_name_and_line() {
    let told = refused(&format!("{MINIMAL}rcp = \"x\"\n"), &[]);
    assert!(told.contains("line 6") && told.contains("`rcp`") && told.contains("config.sample.toml"), "{told}");
    let told = refused(MINIMAL, &[("HASHLEASE_CHAIN_RCP", "http://127.0.0.1")]);
    assert_eq!(
        told,
        "the environment variable HASHLEASE_CHAIN_RCP names no key of the configuration: correct or unset it"
    );
    let told = refused(MINIMAL, &[("HASHLEASE_CHAIN_POLL_MS", "soon")]);
    assert_eq!(told, "the environment variable HASHLEASE_CHAIN_POLL_MS must be a whole number");
}

#[test]
fn a_secret_under_a_wrong_key_is_not_told() {
    let sections = ["[bitcoin]\npassword = \"hunter2\"\n", "[farm]\nmine = \"hunter2\"\n", "[key]\nhunter2\n"];
    for section in sections {
        let told = refused(&format!("{MINIMAL}\n{section}"), &[]);
        assert!(told.contains("line 8") && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_missing_key_is_told_with_its_name_in_the_environment() {
    assert_eq!(
        refused("", &[]),
        "chain.rpc is missing: set it in the configuration file, or as HASHLEASE_CHAIN_RPC in the environment"
    );
}

#[test]
fn values_that_cannot_be_right_are_refused_with_what_they_must_be() {
    let cases = [
        ("HASHLEASE_CHAIN_RPC", "ftp://x", "chain.rpc must be an http or https URL such as \"http://127.0.0.1:8545\""),
        ("HASHLEASE_CHAIN_ESCROW", "0x12", "chain.escrow must be an address of 0x and 40 hex digits, and not zero"),
        ("HASHLEASE_CHAIN_CHAIN_ID", "0", "chain.chain_id must be the chain's EIP-155 id, which is never 0"),
        ("HASHLEASE_CHAIN_CONFIRMATIONS", "65", "chain.confirmations must be between 0 and 64"),
        ("HASHLEASE_CHAIN_POLL_MS", "99", "chain.poll_ms must be between 100 and 60000"),
        ("HASHLEASE_API_ADDR", "7780", "api.addr must be an IP address and a port such as \"127.0.0.1:7780\""),
        (
            "HASHLEASE_NET_LISTEN",
            "0.0.0.0:1",
            "net.listen must be at most 64 multiaddresses such as \"/ip4/0.0.0.0/tcp/7770\"",
        ),
        ("HASHLEASE_FARM_MINE", "1025", "farm.mine must be between 0 and 1024"),
        (
            "HASHLEASE_FARM_STRATUM_V2",
            "3336",
            "farm.stratum_v2 must be an IP address and a port such as \"0.0.0.0:3336\"",
        ),
        ("HASHLEASE_FARM_GRACE_S", "3601", "farm.grace_s must be between 0 and 3600"),
        ("HASHLEASE_FARM_SHORTFALL", "newest", "farm.shortfall must be \"proportional\" or \"oldest-first\""),
    ];
    for (variable, value, expected) in cases {
        assert_eq!(refused(MINIMAL, &[(variable, value)]), expected);
    }
}

#[test]
fn two_tokens_never_share_a_symbol_or_an_address() {
    let token = |symbol, last| {
        format!("[tokens.{symbol}]\naddress = \"0x00000000000000000000000000000000000000{last}\"\ndecimals = 6\n")
    };
    let told = refused(&format!("{MINIMAL}{}{}", token("USDC", "a1"), token("usdc", "a2")), &[]);
    assert!(told.contains("tokens.usdc") && told.contains("tokens.USDC"), "{told}");
    let told = refused(&format!("{MINIMAL}{}{}", token("USDC", "a1"), token("DAI", "a1")), &[]);
    assert!(told.contains("tokens.USDC") && told.contains("tokens.DAI"), "{told}");
}

const POOL: &str = "[pool]\nurls = [\"stratum+tcp://pool.example:3333\"]\nuser = \"account.worker\"\n";

#[test]
fn a_pool_needs_no_password_file_and_stands_alone() {
    let pool = read(&format!("{MINIMAL}{POOL}"), &[], Overrides::default()).unwrap().pool.unwrap();
    assert_eq!(pool.urls.iter().map(ToString::to_string).collect::<Vec<_>>(), ["stratum+tcp://pool.example:3333"]);
    assert_eq!((pool.user.as_str(), pool.password_file), ("account.worker", None));
    assert_eq!(pool.stale_after, Duration::from_secs(90));
    let file = [("HASHLEASE_POOL_PASSWORD_FILE", "pool.password")];
    let pool = read(&format!("{MINIMAL}{POOL}"), &file, Overrides::default()).unwrap().pool.unwrap();
    assert_eq!(pool.password_file, Some("/data/pool.password".into()));
    let urls = "stratum+tcp://b.example:1, stratum+tcp://[2001:db8::1]:2";
    let variables = [("HASHLEASE_POOL_URLS", urls), ("HASHLEASE_POOL_STALE_AFTER_S", "30")];
    let pool = read(&format!("{MINIMAL}{POOL}"), &variables, Overrides::default()).unwrap().pool.unwrap();
    assert_eq!(pool.urls.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "), urls, "in this order");
    assert_eq!(pool.stale_after, Duration::from_secs(30));
    let told = refused(&format!("{MINIMAL}{POOL}[bitcoin]\nrpc = \"http://127.0.0.1:8332\"\n"), &[]);
    assert!(told.contains("remove [pool]") && told.contains("or [bitcoin]"), "{told}");
}

#[test]
fn a_pool_that_cannot_be_right_is_refused_and_its_secrets_are_not_told() {
    let long = "u".repeat(257);
    let many = (1..=9).map(|port| format!("stratum+tcp://a:{port},")).collect::<String>();
    let pools = "pool.urls must be 1 to 8 different pools such as";
    for (variable, value, expected) in [
        ("HASHLEASE_POOL_URLS", "pool.example:3333", pools),
        ("HASHLEASE_POOL_URLS", "http://pool.example:3333", pools),
        ("HASHLEASE_POOL_URLS", "", pools),
        ("HASHLEASE_POOL_URLS", &many, pools),
        ("HASHLEASE_POOL_URLS", "stratum+tcp://a:1,stratum+tcp://a:1", pools),
        (
            "HASHLEASE_POOL_URLS",
            "stratum+tcp://a:1,stratum+tcp://me:hush@b:2",
            "user and password in keys of their own",
        ),
        ("HASHLEASE_POOL_STALE_AFTER_S", "29", "pool.stale_after_s must be between 30 and 3600"),
        (
            "HASHLEASE_DESTINATIONS_ALLOW_PRIVATE",
            "http://me:hush@10.0.0.1",
            "destinations.allow_private must be at most",
        ),
        ("HASHLEASE_POOL_USER", "", "pool.user must be the account or worker at the pool"),
        ("HASHLEASE_POOL_USER", "a\nb", "pool.user must be the account or worker at the pool"),
        ("HASHLEASE_POOL_USER", &long, "pool.user must be the account or worker at the pool"),
    ] {
        let told = refused(&format!("{MINIMAL}{POOL}"), &[(variable, value)]);
        assert!(told.contains(expected) && !told.contains("hush"), "{told}");
    }
    assert!(refused(&format!("{MINIMAL}[pool]\n"), &[]).starts_with("pool.urls is missing"));
    let user = [("HASHLEASE_POOL_URLS", "stratum+tcp://pool.example:3333")];
    assert!(refused(MINIMAL, &user).starts_with("pool.user is missing"));
}

#[test]
fn the_farms_own_pool_is_read_as_any_other_and_named_by_its_own_keys() {
    let idle = POOL.replace("[pool]", "[farm.idle]");
    let file = [("HASHLEASE_FARM_IDLE_PASSWORD_FILE", "idle.password"), ("HASHLEASE_FARM_IDLE_STALE_AFTER_S", "40")];
    let config = read(&format!("{MINIMAL}{idle}"), &file, Overrides::default()).unwrap();
    let farm = config.farm.clone().unwrap();
    let pool = farm.idle.unwrap();
    assert_eq!((pool.user.as_str(), pool.password_file), ("account.worker", Some("/data/idle.password".into())));
    assert_eq!((pool.stale_after, config.pool.is_none()), (Duration::from_secs(40), true));
    assert_eq!(read(&config.redacted().to_string(), &[], Overrides::default()).unwrap(), config);
    for (variable, value, expected) in [
        ("HASHLEASE_FARM_IDLE_URLS", "stratum+tcp://me:hush@b:2", "farm.idle.urls must be 1 to 8 different pools"),
        ("HASHLEASE_FARM_IDLE_USER", "", "farm.idle.user must be the account or worker at the pool"),
        ("HASHLEASE_FARM_IDLE_STALE_AFTER_S", "29", "farm.idle.stale_after_s must be between 30 and 3600"),
    ] {
        let told = refused(&format!("{MINIMAL}{idle}"), &[(variable, value)]);
        assert!(told.contains(expected) && !told.contains("hush"), "{told}");
    }
    let missing = refused(&format!("{MINIMAL}[farm.idle]\n"), &[]);
    assert!(missing.starts_with("farm.idle.urls is missing"), "{missing}");
    assert!(missing.contains("HASHLEASE_FARM_IDLE_URLS"), "{missing}");
}

#[test]
fn a_shown_pool_reads_back_without_its_password() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pool.password");
    fs::write(&file, "hush").unwrap();
    let text = format!("{MINIMAL}{POOL}password_file = {:?}\n", file.display().to_string());
    let config = read(&text, &[], Overrides::default()).unwrap();
    let shown = config.redacted().to_string();
    assert!(!shown.contains("hush"), "{shown}");
    assert_eq!(read(&shown, &[], Overrides::default()).unwrap(), config);
}

/// The sample with every key set that is commented out, but for those of the section `without`.
fn uncommented(without: &str) -> String {
    let is_key =
        |line: &str| line.starts_with('#') && line[1..].starts_with(|c: char| c.is_ascii_lowercase() || c == '[');
    let mut section = "";
    let mut lines = Vec::new();
    for line in init::SAMPLE.lines() {
        section = if line.is_empty() { "" } else { line.strip_prefix("#[").unwrap_or(section) };
        if section.strip_suffix(']') != Some(without) {
            lines.push(if is_key(line) { &line[1..] } else { line });
        }
    }
    lines.join("\n")
}

#[test]
fn the_sample_shows_every_key_with_its_default() {
    for destination in ["bitcoin", "pool"] {
        the_sample_shows_every_key_but_those_of(destination);
    }
}

fn the_sample_shows_every_key_but_those_of(without: &str) {
    let sample = read(&uncommented(without), &[], Overrides::default()).unwrap();
    let defaults = defaults();
    let farm = read(&format!("{MINIMAL}[farm]\n"), &[], Overrides::default()).unwrap().farm.unwrap();
    let shown = Config {
        tokens: sample.tokens.clone(),
        bitcoin: sample.bitcoin.clone(),
        pool: sample.pool.clone(),
        farm: sample.farm.clone().map(|shown| Farm {
            payee: shown.payee,
            idle: shown.idle,
            stratum_v2: shown.stratum_v2,
            ..farm
        }),
        ..defaults
    };
    assert_eq!(sample, shown, "keys without a default are shown by example, all others as they are");
    let farm = sample.farm.as_ref().unwrap();
    assert_eq!((sample.tokens.len(), farm.payee.is_some(), farm.idle.is_some()), (1, true, true));
    assert_eq!(farm.stratum_v2.map(|addr| addr.to_string()).as_deref(), Some(check::STRATUM_V2));
    assert_eq!((sample.bitcoin.is_some(), sample.pool.is_some()), (without == "pool", without == "bitcoin"));
    let keys = |text: &str| {
        let keys =
            text.lines().filter(|line| line.contains(" = ")).map(|line| line.split_once(" = ").unwrap().0.to_owned());
        keys.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(keys(&uncommented(without)), keys(&sample.redacted().to_string()), "every key that there is, is shown");
}

#[test]
fn the_sample_holds_each_line_that_init_sets() {
    for line in [init::RPC_LINE, init::CHAIN_ID_LINE, init::ESCROW_LINE, init::FROM_BLOCK_LINE] {
        assert_eq!(init::SAMPLE.matches(&format!("\n{line}\n")).count(), 1, "{line}");
    }
}

#[test]
fn the_shown_configuration_reads_back_and_holds_no_secret() {
    let text = MINIMAL.replace("http://127.0.0.1:8545", "https://user:hush@rpc.example:8443/v2/s3cret?key=s3cret");
    let shown = read(&text, &[], Overrides::default()).unwrap().redacted().to_string();
    assert!(shown.contains("https://rpc.example:8443/…"), "{shown}");
    assert!(!shown.contains("hush") && !shown.contains("s3cret") && !shown.contains("user"), "{shown}");
    let shown = defaults().redacted().to_string();
    assert_eq!(read(&shown, &[], Overrides::default()).unwrap(), defaults());
}

#[test]
fn the_data_directory_is_found_in_the_order_of_the_manual() {
    let locate = |flag: Option<&str>, set: &[(&str, &str)]| {
        let variable =
            |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        DataDir::locate(flag.map(Into::into), variable).map(|datadir| datadir.root().display().to_string())
    };
    let all = [("HASHLEASE_DATADIR", "/env"), ("XDG_DATA_HOME", "/xdg"), ("HOME", "/home/a")];
    assert_eq!(locate(Some("/flag"), &all).unwrap(), "/flag");
    assert_eq!(locate(None, &all).unwrap(), "/env");
    assert_eq!(locate(None, &all[1..]).unwrap(), "/xdg/hashlease");
    assert_eq!(locate(None, &all[2..]).unwrap(), "/home/a/.local/share/hashlease");
    assert_eq!(locate(None, &[("XDG_DATA_HOME", "relative"), all[2]]).unwrap(), "/home/a/.local/share/hashlease");
    assert!(matches!(locate(None, &[]), Err(DataDirError::Nowhere)));
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn init_makes_a_directory_that_loads_and_never_changes_it_again() {
    let parent = tempfile::tempdir().unwrap();
    let datadir = DataDir::locate(Some(parent.path().join("node")), |_| None).unwrap();
    let wanted = Init {
        rpc: Some("http://127.0.0.1:8545/key".into()),
        chain_id: Some(8453),
        escrow: Some("0x00000000000000000000000000000000000000e5".into()),
        from_block: Some(12),
        tokens: vec![("USDC".into(), "0x00000000000000000000000000000000000000a1".into(), 6)],
    };
    let address = init(&datadir, &wanted).unwrap();
    assert_eq!((mode(datadir.root()), mode(datadir.keystore())), (0o700, 0o700));
    for file in [datadir.config(), datadir.node_key(), datadir.passphrase(), datadir.api_token()] {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    let config = Config::load(datadir.clone(), std::iter::empty(), Overrides::default()).unwrap();
    assert_eq!((config.chain.domain.chain_id, config.chain.from_block), (8453, 12));
    assert_eq!(config.chain.rpc.as_str(), "http://127.0.0.1:8545/key");
    assert_eq!(config.token("USDC").unwrap().1.decimals, 6);
    let passphrase = read_secret(&config.passphrase_file).unwrap();
    assert_eq!(SecretKey::open(&datadir.node_key(), &passphrase).unwrap().address(), address);
    assert_eq!(read_secret(&datadir.api_token()).unwrap().len(), 64);

    let before = fs::read(datadir.config()).unwrap();
    let again = init(&datadir, &Init::default());
    assert!(matches!(again, Err(InitError::AlreadyInitialised { .. })));
    assert_eq!(fs::read(datadir.config()).unwrap(), before);
}

#[test]
fn init_writes_nothing_that_the_node_would_refuse() {
    let parent = tempfile::tempdir().unwrap();
    let datadir = DataDir::locate(Some(parent.path().join("node")), |_| None).unwrap();
    let escrow = Some("0x00000000000000000000000000000000000000e5".to_owned());
    let sound = Init { rpc: Some("http://127.0.0.1:8545".into()), chain_id: Some(1), escrow, ..Init::default() };
    let token = |symbol: &str| (symbol.to_owned(), "0x00000000000000000000000000000000000000a1".to_owned(), 6);
    let wrong = [
        Init { rpc: Some("8545".into()), ..Init::default() },
        Init { escrow: Some("0x1".into()), ..Init::default() },
        Init { tokens: vec![token("6USDC")], ..Init::default() },
        Init { chain_id: Some(0), ..sound.clone() },
        Init { tokens: vec![token("USDC"), token("DAI")], ..sound },
    ];
    for wrong in wrong {
        assert!(matches!(init(&datadir, &wrong), Err(InitError::Config(_))), "{wrong:?}");
        assert!(!datadir.root().exists());
    }
}

#[test]
fn an_interrupted_init_keeps_the_key_that_it_made() {
    let dir = tempfile::tempdir().unwrap();
    let datadir = DataDir::locate(Some(dir.path().into()), |_| None).unwrap();
    let address = init(&datadir, &Init::default()).unwrap();
    let token = fs::read(datadir.api_token()).unwrap();
    fs::remove_file(datadir.config()).unwrap();
    assert_eq!(init(&datadir, &Init::default()).unwrap(), address);
    assert_eq!(fs::read(datadir.api_token()).unwrap(), token);
}

#[test]
fn a_secret_that_others_may_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    fs::write(&path, "hush\nsecond line\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(read_secret(&path), Err(DataDirError::Readable { mode: 0o640, .. })));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(read_secret(&path).unwrap().as_str(), "hush");
    fs::write(&path, "\n").unwrap();
    assert!(matches!(read_secret(&path), Err(DataDirError::NoSecret { .. })));
}

const BITCOIN: &str = "[bitcoin]\nrpc = \"http://127.0.0.1:8332/hush\"\nuser = \"me\"\npayout = \"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080\"\n";

#[test]
fn a_look_at_a_destination_takes_the_configured_credentials_to_the_configured_place_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bitcoin.password");
    fs::write(&file, "hush").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let text = format!("{MINIMAL}{BITCOIN}password_file = {:?}\n", file.display().to_string());
    let config =
        read(&text, &[("HASHLEASE_DESTINATIONS_ALLOW_PRIVATE", "stratum+tcp://10.0.0.1:3333")], Overrides::default());
    let config = config.unwrap();
    let probe = |url: &str, user: Option<&str>| {
        config.probe(url.parse().unwrap(), ProbeArgs { user: user.map(str::to_owned), ..ProbeArgs::default() })
    };

    let own = probe("http://127.0.0.1:8332", None).unwrap();
    assert_eq!((own.user.as_str(), own.private, own.payout.is_some()), ("me", true, true));
    let another = probe("http://127.0.0.1:8333", None);
    assert!(matches!(another, Err(ProbeError::NoUser)), "the configured user is for the configured place");
    assert!(matches!(probe("http://127.0.0.1:8333", Some("me")), Err(ProbeError::NoPassword)));
    assert!(matches!(probe("http://127.0.0.1:8332", Some("you")), Err(ProbeError::NoPassword)), "nor for another user");
    assert!(probe("stratum+tcp://10.0.0.1:3333", Some("me")).unwrap().private);
    assert!(!probe("stratum+tcp://10.0.0.1:3334", Some("me")).unwrap().private);
}

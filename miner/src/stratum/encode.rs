//! Writing messages. Every function gives one whole line, its `\n` included.

use serde_json::{Map, Value, json};

use super::error::StratumError;
use super::from_miner::{Configure, SUBSCRIBE_EXTRANONCE, Submit};
use super::notify::{JobText, Notify};

/// A good answer; always all three keys.
pub fn response(id: &Value, result: &Value) -> String {
    line(&json!({ "id": id, "result": result, "error": null }))
}

/// A refusal; always all three keys, the error as an array.
pub fn refusal(id: &Value, error: &StratumError) -> String {
    line(&json!({ "id": id, "result": null, "error": error.to_value() }))
}

/// A request of a client.
pub fn request(id: u64, method: &str, params: &Value) -> String {
    line(&json!({ "id": id, "method": method, "params": params }))
}

/// A message of a server that wants no answer.
pub fn notification(method: &str, params: &Value) -> String {
    line(&json!({ "id": null, "method": method, "params": params }))
}

/// `mining.notify`. A server that tells many miners of one job writes it by [`JobText`].
pub fn notify(notify: &Notify) -> String {
    JobText::new(&notify.to_job(0, 0)).line(&notify.job_id, 0, notify.time, notify.clean)
}

/// `mining.set_difficulty`; a whole number is written without a fraction.
pub fn set_difficulty(difficulty: f64) -> String {
    notification("mining.set_difficulty", &json!([number(difficulty)]))
}

/// `mining.set_extranonce`.
pub fn set_extranonce(extranonce1: &[u8], extranonce2_size: u8) -> String {
    notification("mining.set_extranonce", &json!([hex::encode(extranonce1), extranonce2_size]))
}

/// `client.reconnect` to where the miner already is.
pub fn reconnect() -> String {
    notification("client.reconnect", &json!([]))
}

/// `mining.set_version_mask`.
pub fn set_version_mask(mask: u32) -> String {
    notification("mining.set_version_mask", &json!([format!("{mask:08x}")]))
}

/// The result of `mining.subscribe`.
pub fn subscribe_result(session: &str, extranonce1: &[u8], extranonce2_size: u8) -> Value {
    json!([
        [["mining.set_difficulty", session], ["mining.notify", session]],
        hex::encode(extranonce1),
        extranonce2_size
    ])
}

/// The result of `mining.configure`: one key for each extension that was asked for and no others (some devices
/// disconnect on more), the mask beside version rolling. Version rolling is refused where the mask is zero; news of the
/// extranonce are promised, and every other extension is refused.
pub fn configure_result(asked: &Configure, version_mask: u32) -> Value {
    let mut result = Map::new();
    for extension in &asked.extensions {
        let rolling = extension == "version-rolling" && version_mask != 0;
        result.insert(extension.clone(), (rolling || extension == SUBSCRIBE_EXTRANONCE).into());
        if rolling {
            result.insert("version-rolling.mask".into(), format!("{version_mask:08x}").into());
        }
    }
    Value::Object(result)
}

/// The parameters of `mining.submit`, with a sixth where version bits are given.
pub fn submit_params(submit: &Submit) -> Value {
    let mut params = vec![
        json!(submit.user),
        json!(submit.job_id),
        json!(hex::encode(&submit.extranonce2)),
        json!(format!("{:08x}", submit.time)),
        json!(format!("{:08x}", submit.nonce)),
    ];
    params.extend(submit.version_bits.map(|bits| json!(format!("{bits:08x}"))));
    Value::Array(params)
}

/// A difficulty as JSON: whole numbers as integers, since some firmware reads no fraction.
fn number(difficulty: f64) -> Value {
    const EXACT_LIMIT: f64 = 9_007_199_254_740_992.0;
    if difficulty.fract() == 0.0 && (0.0..EXACT_LIMIT).contains(&difficulty) {
        serde_json::from_str(&format!("{difficulty:.0}")).unwrap_or(json!(difficulty))
    } else {
        json!(difficulty)
    }
}

fn line(message: &Value) -> String {
    format!("{message}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stratum::error::Code;

    #[test]
    fn answers_always_carry_all_three_keys_and_the_id_verbatim() {
        for id in [json!(4), json!("txlistb1"), Value::Null, json!(1.5)] {
            let good: Value = serde_json::from_str(&response(&id, &json!(true))).unwrap();
            assert_eq!(good, json!({ "id": id, "result": true, "error": null }));
            let bad: Value = serde_json::from_str(&refusal(&id, &StratumError::stale())).unwrap();
            assert_eq!(bad, json!({ "id": id, "result": null, "error": [21, "Stale", null] }));
        }
    }

    #[test]
    fn every_error_has_its_number() {
        let errors = [
            (StratumError::method_not_found(), 20),
            (StratumError::job_not_found(), 21),
            (StratumError::duplicate(), 22),
            (StratumError::low_difficulty(), 23),
            (StratumError::unauthorized(), 24),
            (StratumError::not_subscribed(), 25),
            (crate::pow::Rejection::AboveTarget.into(), 23),
            (crate::pow::Rejection::TimeBelowMinimum { time: 1, min_time: 2 }.into(), 20),
            (StratumError::new(Code::Other, "x"), 20),
        ];
        for (error, number) in errors {
            assert_eq!(error.to_value()[0], number, "{error}");
        }
    }

    #[test]
    fn difficulties_are_whole_where_they_can_be() {
        for (difficulty, text) in [(512.0, "[512]"), (0.001, "[0.001]"), (16_383.75, "[16383.75]"), (1.0, "[1]")] {
            assert!(set_difficulty(difficulty).contains(text), "{}", set_difficulty(difficulty));
        }
    }

    #[test]
    fn configure_answers_only_what_was_asked() {
        let asked = |extensions: &[&str]| Configure {
            extensions: extensions.iter().map(|&name| name.to_owned()).collect(),
            ..Configure::default()
        };
        assert_eq!(
            configure_result(&asked(&["version-rolling"]), 0x1fff_e000),
            json!({ "version-rolling": true, "version-rolling.mask": "1fffe000" })
        );
        assert_eq!(
            configure_result(&asked(&["minimum-difficulty"]), 0x1fff_e000),
            json!({ "minimum-difficulty": false })
        );
        assert_eq!(configure_result(&asked(&["version-rolling"]), 0), json!({ "version-rolling": false }));
    }

    #[test]
    fn submit_has_five_parameters_and_a_sixth_with_version_bits() {
        let plain = Submit {
            user: "u.w".into(),
            job_id: "b2".into(),
            extranonce2: vec![0; 4],
            time: 0x6b02_94d5,
            nonce: 0xdd97_2f00,
            version_bits: None,
        };
        assert_eq!(submit_params(&plain), json!(["u.w", "b2", "00000000", "6b0294d5", "dd972f00"]));
        let rolled = Submit { version_bits: Some(0x9_2000), ..plain };
        assert_eq!(submit_params(&rolled)[5], "00092000");
    }
}

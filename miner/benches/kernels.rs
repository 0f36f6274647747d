//! x
use hashlease_miner::pow::kernels::*;
use std::time::Duration;
fn main() {
    let t = Duration::from_millis(3);
    let ks: Vec<_> = KERNELS.iter().filter(|k| (k.supported)()).collect();
    let mut s = vec![vec![]; ks.len()];
    let mut l = vec![];
    for _ in 0..60 {
        let lim = port_limit(t).unwrap();
        l.push(lim);
        for (k, s) in ks.iter().zip(&mut s) {
            s.push(measure(k, t) / lim);
        }
    }
    l.sort_by(f64::total_cmp);
    println!("limit {:.2} MH/s", l[30] / 1e6);
    for (k, mut s) in ks.iter().zip(s) {
        s.sort_by(f64::total_cmp);
        println!("{:20} {:.3}  {:.3} .. {:.3}", k.name, s[30], s[5], s[54]);
    }
}

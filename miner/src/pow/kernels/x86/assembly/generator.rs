//! Writes `plain.s` and `rolling.s`, and holds the checked-in files to what it writes. After a change here:
//! `HASHLEASE_WRITE_ASSEMBLY=1 cargo test -p hashlease-miner the_assembly_is`.
//!
//! The work of a lane (one hash) is a list of units: instructions that stay together, and when they should run. A program is
//! the units of all lanes in the order of their times, as one turn of a loop. Lanes are independent of each other, so any
//! such order is right that keeps each lane's own; a good one lets the core always find a `sha256rnds2` whose operands are
//! there, and spreads what else there is to do. So the times of the lanes are shifted against each other, as far as a search found
//! fastest on a Zen 4 core: a few thousand random steps from the best times so far, each of which counts where the loop is faster
//! by half a thousandth, twice. A unit that is moved by less than a round can cost a twentieth.
//!
//! A lane has three registers: its state (`abef`, `cdgh`, which `sha256rnds2` exchanges) and the newest four words of its
//! message. All else of the message waits in the lane's slots of memory. xmm0, which `sha256rnds2` takes its message from, is
//! also each unit's own scratch register, so 16 registers hold five lanes, or three with a message and three that share one.

use std::fmt::Write as _;

/// The time of a double round, in the unit of all times here.
const STEP: usize = 100;

/// Instructions that stay together, each a line.
struct Unit {
    time: usize,
    lines: Vec<String>,
}

/// Where a lane keeps what it has.
struct Lane {
    index: usize,
    /// Registers: the words a, b, e, f; the words c, d, g, h; the newest quad of the message.
    abef: usize,
    cdgh: usize,
    newest: usize,
    /// How long before its four rounds a quad of the message is made.
    lead: usize,
    units: Vec<Unit>,
}

impl Lane {
    fn new(index: usize, first_register: usize, lead: usize) -> Self {
        assert!(lead < 2 * STEP, "the rounds before read the register that a new quad takes");
        let [abef, cdgh, newest] = [0, 1, 2].map(|place| first_register + place);
        Self { index, abef, cdgh, newest, lead, units: Vec::new() }
    }

    fn unit<const N: usize>(&mut self, time: usize, lines: [String; N]) {
        self.units.push(Unit { time, lines: lines.into() });
    }

    fn slot(&self, place: usize) -> String {
        format!("[rdx + {{lanes}} + {}]", 16 * (6 * self.index + place))
    }

    /// One of the two quads of the inner hash.
    fn inner(&self, quad: usize) -> String {
        self.slot(quad)
    }

    /// The quad before the newest.
    fn older(&self) -> String {
        self.slot(2)
    }

    /// The `sha256msg1` of the quads four and three before this one.
    fn first_half(&self, quad: usize) -> String {
        self.slot(3 + quad % 3)
    }

    /// Two rounds, the first or the last two of a quad.
    fn double_round(&self, last: bool) -> String {
        let (to, from) = if last { (self.abef, self.cdgh) } else { (self.cdgh, self.abef) };
        format!("sha256rnds2 xmm{to}, xmm{from}")
    }

    /// Four rounds with the message in xmm0.
    fn double_rounds(&self) -> [String; 3] {
        [self.double_round(false), "vpshufd xmm0, xmm0, 14".into(), self.double_round(true)]
    }

    /// Double rounds from `time` on whose message and constants are the same in every hash.
    fn known_rounds(&mut self, time: usize, message: &str, count: usize) {
        for step in 0..count {
            let load = format!("vmovq xmm0, [rdx + {message} + {}]", 8 * step);
            self.unit(time + step * STEP + 1, [load, self.double_round(step % 2 == 1)]);
        }
    }

    /// Four rounds with the newest quad.
    fn rounds(&mut self, time: usize, quad: usize) {
        let sum = format!("vpaddd xmm0, xmm{}, {}", self.newest, constants(quad));
        let [first, shift, last] = self.double_rounds();
        self.unit(time + 1, [sum, first, shift, last]);
    }

    /// Makes the quad after the newest; `addend` is the sum of what belongs to it, but for the two newest quads.
    fn expand(&mut self, time: usize, quad: usize, older: &str, addend: Option<&str>) {
        let newest = format!("xmm{}", self.newest);
        let mut lines = vec![format!("vpalignr xmm0, {newest}, {older}, 4")];
        lines.extend(addend.map(|addend| format!("vpaddd xmm0, xmm0, {addend}")));
        lines.push(format!("sha256msg2 xmm0, {newest}"));
        lines.extend(self.replace_newest(quad));
        self.units.push(Unit { time, lines });
    }

    /// Makes this quad, which is in xmm0, the newest, and keeps of the one before what later quads need.
    fn replace_newest(&self, quad: usize) -> Vec<String> {
        let newest = format!("xmm{}", self.newest);
        let mut lines = Vec::new();
        if quad + 1 < 16 {
            lines.push(format!("vmovdqa {}, {newest}", self.older()));
        }
        if quad + 3 < 16 {
            lines.push(format!("sha256msg1 {newest}, xmm0"));
            lines.push(format!("vmovdqa {}, {newest}", self.first_half(quad + 3)));
        }
        lines.push(format!("vmovdqa {newest}, xmm0"));
        lines
    }

    /// Adds the midstate and stores the inner hash as two quads of message.
    fn digest(&mut self, time: usize, midstate: [String; 2]) {
        let Self { abef, cdgh, .. } = *self;
        let [first, second] = midstate;
        self.unit(
            time,
            [
                format!("vpaddd xmm{abef}, xmm{abef}, {first}"),
                format!("vpaddd xmm{cdgh}, xmm{cdgh}, {second}"),
                format!("vshufps xmm0, xmm{abef}, xmm{cdgh}, 0xbb"),
                format!("vmovaps {}, xmm0", self.inner(0)),
                format!("vshufps xmm0, xmm{abef}, xmm{cdgh}, 0x11"),
                format!("vmovaps {}, xmm0", self.inner(1)),
            ],
        );
    }

    /// Hashes the inner hash as far as its last word, which is known after round 60: 31 double rounds.
    fn outer_hash(&mut self, start: usize, result: &str) {
        let [padding, length] = ["[rdx + {padding}]", "[rdx + {length}]"];
        let Self { abef, cdgh, newest, .. } = *self;
        self.unit(
            start,
            [format!("vmovdqa xmm{abef}, [rdx + {{initial}}]"), format!("vmovdqa xmm{cdgh}, [rdx + {{initial}} + 16]")],
        );
        for quad in 0..2 {
            let load = format!("vmovdqa xmm0, {}", self.inner(quad));
            let sum = format!("vpaddd xmm0, xmm0, {}", constants(quad));
            let [first, shift, last] = self.double_rounds();
            self.unit(start + 2 * quad * STEP + 1, [load, sum, first, shift, last]);
        }
        // Quads 2 and 3 are padding, and zero words leave out terms of the quads 4 to 6.
        self.known_rounds(start + 4 * STEP, "{constants} + 32", 4);
        self.unit(
            start + 250,
            [
                format!("vmovdqa xmm{newest}, {}", self.inner(0)),
                format!("sha256msg1 xmm{newest}, {}", self.inner(1)),
                format!("sha256msg2 xmm{newest}, {length}"),
            ],
        );
        self.unit(
            start + 320,
            [
                format!("vmovdqa xmm0, {}", self.inner(1)),
                format!("sha256msg1 xmm0, {padding}"),
                format!("vmovdqa {}, xmm0", self.first_half(5)),
            ],
        );
        self.unit(
            start + 340,
            [
                format!("vmovdqa xmm0, {length}"),
                format!("sha256msg1 xmm0, xmm{newest}"),
                format!("vmovdqa {}, xmm0", self.first_half(7)),
            ],
        );
        self.rounds(start + 8 * STEP, 4);
        for quad in 5..16 {
            let time = start + 2 * quad * STEP;
            let older = if quad == 5 { length.to_owned() } else { self.older() };
            let addend = if quad == 6 { padding.to_owned() } else { self.first_half(quad) };
            self.expand(time - self.lead, quad, &older, Some(&addend));
            if quad < 15 {
                self.rounds(time, quad);
            }
        }
        let sum = format!("vpaddd xmm0, xmm{newest}, [rdx + {{last}}]");
        self.unit(start + 30 * STEP + 1, [sum, self.double_round(false)]);
        self.unit(start + 31 * STEP, [format!("vmovd {result}, xmm{cdgh}")]);
    }

    /// Finishes the header's hash under a nonce of its own from the fourth round on: 30 double rounds.
    fn inner_hash(&mut self, nonce: &str) {
        let Self { abef, cdgh, newest, .. } = *self;
        self.unit(
            0,
            [
                format!("vmovd xmm{newest}, {nonce}"),
                format!("vpshufd xmm{abef}, xmm{newest}, 0x11"),
                format!("vpaddd xmm{abef}, xmm{abef}, [rdx + {{start}}]"),
                format!("vmovdqa xmm{cdgh}, [rdx + {{start}} + 16]"),
                // Quad 4, of which only the last two words hold the nonce.
                format!("vpslldq xmm{newest}, xmm{newest}, 12"),
                format!("sha256msg1 xmm{newest}, [rdx + {{zero}}]"),
                format!("vpaddd xmm{newest}, xmm{newest}, [rdx + {{bases}}]"),
            ],
        );
        self.known_rounds(0, "{padded}", 6);
        self.rounds(6 * STEP, 4);
        for quad in 5..16 {
            let time = (2 * quad - 2) * STEP;
            match quad {
                5 => {
                    let mut lines =
                        vec!["vmovdqa xmm0, [rdx + {bases} + 16]".into(), format!("sha256msg2 xmm0, xmm{newest}")];
                    lines.extend(self.replace_newest(quad));
                    self.units.push(Unit { time: time - self.lead, lines });
                }
                6 => self.expand(time - self.lead, quad, &self.older(), None),
                7 => self.expand(time - self.lead, quad, &self.older(), Some("[rdx + {bases} + 32]")),
                _ => self.expand(time - self.lead, quad, &self.older(), Some(&self.first_half(quad))),
            }
            self.rounds(time, quad);
        }
        self.digest(30 * STEP + 50, ["[rdx + {midstate}]".into(), "[rdx + {midstate} + 16]".into()]);
    }
}

/// A quad of the outer hash's constants, which for the quads 2 and 3 are sums with the padding.
fn constants(quad: usize) -> String {
    format!("[rdx + {{constants}} + {}]", 16 * quad)
}

/// Scans consecutive nonces in five lanes, each of which begins a hash at another time of the turn and ends it in the next.
fn plain() -> String {
    const TURN: usize = 64 * STEP;
    let mut units = Vec::new();
    for (index, begin) in [200, 1369, 1013, 3890, 4080].into_iter().enumerate() {
        let mut lane = Lane::new(index, 1 + 3 * index, 195);
        lane.inner_hash(&format!("[rsi + {}]", 4 * index));
        lane.outer_hash(32 * STEP, &format!("[r8 + {}]", 4 * index));
        lane.units.sort_by_key(|unit| unit.time);
        units.extend(lane.units.into_iter().map(|unit| Unit { time: (begin + unit.time) % TURN, ..unit }));
    }
    let next = ["add rsi, 20", "add r8, 20", "dec r11", "jnz 2b"];
    program("One turn begins five nonces and ends the five before.", units, &next)
}

/// Scans versions under one nonce after the other: three lanes finish the header's hash, with one message for all, while
/// three others hash what those made a turn ago.
fn rolling() -> String {
    const LANES: usize = 3;
    let mut units = Vec::new();
    // Their message comes from the nonce's schedule: they have no newest quad.
    let mut inner: Vec<_> = (0..LANES).map(|index| Lane::new(index, 1 + 2 * index, 0)).collect();
    for lane in &mut inner {
        let Lane { index, abef, cdgh, .. } = *lane;
        let version = 64 * index;
        lane.unit(
            0,
            [
                format!("vmovdqa xmm{abef}, [rsi]"),
                format!("vpaddd xmm{abef}, xmm{abef}, [rdi + {version}]"),
                format!("vmovdqa xmm{cdgh}, [rdi + {}]", version + 16),
            ],
        );
        lane.digest(30 * STEP + 7, [format!("[rdi + {}]", version + 32), format!("[rdi + {}]", version + 48)]);
    }
    for step in 0..30 {
        let mut lines = vec![format!("vmovq xmm0, [rsi + {}]", 16 + 8 * step)];
        lines.extend(inner.iter().map(|lane| lane.double_round(step % 2 == 1)));
        units.push(Unit { time: step * STEP + 67, lines });
    }
    units.extend(inner.into_iter().flat_map(|lane| lane.units));
    for (index, (start, lead)) in [(200, 190), (166, 140), (187, 133)].into_iter().enumerate() {
        let mut lane = Lane::new(index, 1 + 2 * LANES + 3 * index, lead);
        lane.outer_hash(start, &format!("[r8 + {}]", 4 * index));
        units.extend(lane.units);
    }
    let next = [
        "add r8, 12",
        "add rdi, 192",
        "cmp rdi, rcx",
        "jne 3f",
        "mov rdi, r10",
        "add rsi, 256",
        "3:",
        "dec r11",
        "jnz 2b",
    ];
    program("One turn begins three versions and ends the three before.", units, &next)
}

/// A loop of all units in the order of their times.
fn program(what: &str, mut units: Vec<Unit>, next: &[&str]) -> String {
    units.sort_by_key(|unit| unit.time);
    let mut text = format!("# Written by generator.rs: change that. {what}\n    vzeroupper\n    .p2align 5\n2:\n");
    let lines = units.iter().flat_map(|unit| unit.lines.iter().map(String::as_str)).chain(next.iter().copied());
    for line in lines {
        let indent = if line.ends_with(':') { "" } else { "    " };
        writeln!(text, "{indent}{line}").unwrap();
    }
    text
}

/// The files of this folder, with what they should hold.
fn files() -> [(&'static str, String); 2] {
    [("plain.s", plain()), ("rolling.s", rolling())]
}

fn path(file: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pow/kernels/x86/assembly").join(file)
}

#[test]
fn the_assembly_is_what_the_generator_writes() {
    for (file, text) in files() {
        if std::env::var_os("HASHLEASE_WRITE_ASSEMBLY").is_some() {
            std::fs::write(path(file), &text).unwrap();
        }
        assert!(std::fs::read_to_string(path(file)).unwrap() == text, "{file} isn't what the generator writes");
    }
}

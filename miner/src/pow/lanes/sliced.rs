//! SHA-256 sliced by words: one vector register holds the same word of many messages.

/// Writes the functions of a [`Lanes`](super::Lanes) for registers of `$width` words, from the operations in scope: `splat`,
/// `add`, `rotate_right`, `shift_right`, `swap_bytes`, `xor3`, `choose` and `majority`; `load`, which fills a register with four
/// words of each fourth message, and `store`; and those that unpack words within each 16 bytes.
macro_rules! sliced {
    ($features:literal, $vector:ty, $width:literal) => {
        /// One word of each message.
        type Vector = $vector;
        const WIDTH: usize = $width;

        pub(super) fn compress(states: &mut [State], blocks: &[&Block]) {
            // SAFETY: the table gives this function out only where `supported` found the instructions.
            unsafe { compress_sliced(states, blocks) }
        }

        pub(super) fn again(states: &mut [State]) {
            // SAFETY: as in `compress`.
            unsafe { again_sliced(states) }
        }

        pub(super) fn parent(states: &mut [State], rights: &[&State]) {
            // SAFETY: as in `compress`.
            unsafe { parent_sliced(states, rights) }
        }

        pub(super) fn finish(hashes: &mut [Digest], midstates: &[&State], tails: &[Tail]) {
            // SAFETY: as in `compress`.
            unsafe { finish_sliced(hashes, midstates, tails) }
        }

        #[target_feature(enable = $features)]
        fn compress_sliced(states: &mut [State], blocks: &[&Block]) {
            let mut state = slice(states);
            let mut message = slice(blocks);
            rounds!(&mut state, &mut message);
            unslice(&state, states);
        }

        #[target_feature(enable = $features)]
        fn again_sliced(states: &mut [State]) {
            let digest = hash_digests(slice(states));
            unslice(&digest, states);
        }

        #[target_feature(enable = $features)]
        fn parent_sliced(states: &mut [State], rights: &[&State]) {
            let (left, right): ([Vector; 8], [Vector; 8]) = (slice(states), slice(rights));
            let mut message = join(left, right);
            let mut state = initial();
            rounds!(&mut state, &mut message);
            pad_node(&mut state);
            unslice(&hash_digests(state), states);
        }

        #[target_feature(enable = $features)]
        fn finish_sliced(hashes: &mut [Digest], midstates: &[&State], tails: &[Tail]) {
            let mut state = slice(midstates);
            let mut tail: [Vector; 4] = slice(tails);
            swap_all(&mut tail);
            let mut message = join(tail, splat_all(&HEADER_PADDING));
            rounds!(&mut state, &mut message);
            let mut hash = hash_digests(state);
            swap_all(&mut hash);
            unslice(&hash, hashes);
        }

        /// The SHA-256 of digests of 32 bytes.
        #[target_feature(enable = $features)]
        fn hash_digests(digest: [Vector; 8]) -> [Vector; 8] {
            let mut message = join(digest, splat_all(&DIGEST_PADDING));
            let mut state = initial();
            rounds!(&mut state, &mut message);
            state
        }

        /// The 64 rounds of the block that pads a merkle node.
        #[target_feature(enable = $features)]
        #[inline]
        fn pad_node(state: &mut [Vector; 8]) {
            let before = *state;
            for words in NODE_PADDING.as_chunks::<16>().0 {
                sixteen!(fixed_round(state, words));
            }
            add_all(state, &before);
        }

        #[target_feature(enable = $features)]
        #[inline]
        fn round<const AT: usize>(state: &mut [Vector; 8], message: &[Vector; 16], constants: &[u32; 16]) {
            turn::<AT>(state, add(message[AT], splat(constants[AT])));
        }

        #[target_feature(enable = $features)]
        #[inline]
        fn expand_and_round<const AT: usize>(
            state: &mut [Vector; 8],
            message: &mut [Vector; 16],
            constants: &[u32; 16],
        ) {
            let (early, late) = (message[(AT + 1) % 16], message[(AT + 14) % 16]);
            let sigma0 = xor3(rotate_right::<7>(early), rotate_right::<18>(early), shift_right::<3>(early));
            let sigma1 = xor3(rotate_right::<17>(late), rotate_right::<19>(late), shift_right::<10>(late));
            message[AT] = add(add(message[AT], sigma0), add(message[(AT + 9) % 16], sigma1));
            round::<AT>(state, message, constants);
        }

        #[target_feature(enable = $features)]
        #[inline]
        fn fixed_round<const AT: usize>(state: &mut [Vector; 8], words: &[u32; 16]) {
            turn::<AT>(state, splat(words[AT]));
        }

        /// One round with a word to which the constant was added; names turn around the state instead of its values.
        #[target_feature(enable = $features)]
        #[inline]
        fn turn<const AT: usize>(state: &mut [Vector; 8], word: Vector) {
            let at = |letter: usize| (letter + 16 - AT) % 8;
            let (a, b, c) = (state[at(0)], state[at(1)], state[at(2)]);
            let (e, f, g) = (state[at(4)], state[at(5)], state[at(6)]);
            let sigma1 = xor3(rotate_right::<6>(e), rotate_right::<11>(e), rotate_right::<25>(e));
            let sigma0 = xor3(rotate_right::<2>(a), rotate_right::<13>(a), rotate_right::<22>(a));
            let first = add(add(add(state[at(7)], word), choose(e, f, g)), sigma1);
            state[at(3)] = add(state[at(3)], first);
            state[at(7)] = add(add(first, majority(a, b, c)), sigma0);
        }

        #[target_feature(enable = $features)]
        #[inline]
        fn add_all(state: &mut [Vector; 8], before: &[Vector; 8]) {
            for (word, before) in state.iter_mut().zip(before) {
                *word = add(*word, *before);
            }
        }

        #[target_feature(enable = $features)]
        #[inline]
        fn swap_all(words: &mut [Vector]) {
            for word in words {
                *word = swap_bytes(*word);
            }
        }

        #[target_feature(enable = $features)]
        #[inline]
        fn initial() -> [Vector; 8] {
            splat_all(&INITIAL_STATE)
        }

        #[target_feature(enable = $features)]
        #[inline]
        fn splat_all<const N: usize>(words: &[u32; N]) -> [Vector; N] {
            let mut vectors = [splat(0); N];
            for (vector, word) in vectors.iter_mut().zip(words) {
                *vector = splat(*word);
            }
            vectors
        }

        #[target_feature(enable = $features)]
        #[inline]
        fn join<const N: usize, const M: usize>(front: [Vector; N], back: [Vector; M]) -> [Vector; 16] {
            let mut message = [splat(0); 16];
            message[..N].copy_from_slice(&front);
            message[N..].copy_from_slice(&back);
            message
        }

        /// The vectors of messages; where there are too few, the last one fills the lanes that are left.
        #[target_feature(enable = $features)]
        #[inline]
        fn slice<const N: usize>(messages: &[impl Borrow<[u32; N]>]) -> [Vector; N] {
            let mut vectors = [splat(0); N];
            for (at, four) in vectors.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                let mut quads = [&[0; 4]; WIDTH];
                for (lane, quad) in quads.iter_mut().enumerate() {
                    *quad = &messages[lane.min(messages.len() - 1)].borrow().as_chunks::<4>().0[at];
                }
                *four = transpose([load(&quads, 0), load(&quads, 1), load(&quads, 2), load(&quads, 3)]);
            }
            vectors
        }

        /// The states of vectors.
        #[target_feature(enable = $features)]
        #[inline]
        fn unslice(vectors: &[Vector; 8], states: &mut [State]) {
            for (at, four) in vectors.as_chunks::<4>().0.iter().enumerate() {
                for (row, vector) in transpose(*four).into_iter().enumerate() {
                    let mut quads = [[0; 4]; WIDTH / 4];
                    store(&mut quads, vector);
                    for (column, quad) in quads.iter().enumerate() {
                        if let Some(state) = states.get_mut(4 * column + row) {
                            state.as_chunks_mut::<4>().0[at] = *quad;
                        }
                    }
                }
            }
        }

        /// Turns four vectors of four messages' words each into four of one word each, and back.
        #[target_feature(enable = $features)]
        #[inline]
        fn transpose([first, second, third, fourth]: [Vector; 4]) -> [Vector; 4] {
            let (low, high) = (unpack_low_32(first, second), unpack_high_32(first, second));
            let (other_low, other_high) = (unpack_low_32(third, fourth), unpack_high_32(third, fourth));
            [
                unpack_low_64(low, other_low),
                unpack_high_64(low, other_low),
                unpack_low_64(high, other_high),
                unpack_high_64(high, other_high),
            ]
        }
    };
}

/// Calls a function for each of sixteen rounds, whose number it takes as a constant.
macro_rules! sixteen {
    ($call:ident($($argument:expr),*)) => {
        $call::<0>($($argument),*); $call::<1>($($argument),*); $call::<2>($($argument),*); $call::<3>($($argument),*);
        $call::<4>($($argument),*); $call::<5>($($argument),*); $call::<6>($($argument),*); $call::<7>($($argument),*);
        $call::<8>($($argument),*); $call::<9>($($argument),*); $call::<10>($($argument),*); $call::<11>($($argument),*);
        $call::<12>($($argument),*); $call::<13>($($argument),*); $call::<14>($($argument),*); $call::<15>($($argument),*);
    };
}

/// The 64 rounds of a block. Written out where they are needed, so that the compiler spares whatever the words that are constants
/// there make constant: in the first half of the rounds.
macro_rules! rounds {
    ($state:expr, $message:expr) => {
        let (state, message) = ($state, $message);
        let before = *state;
        let (constants, _) = K.as_chunks::<16>();
        sixteen!(round(state, message, &constants[0]));
        sixteen!(expand_and_round(state, message, &constants[1]));
        for constants in &constants[2..] {
            sixteen!(expand_and_round(state, message, constants));
        }
        add_all(state, &before);
    };
}

pub(super) use {rounds, sixteen, sliced};

'use strict';

// Regtest takes every second hash as a block, which would give a new tip with every share. Loaded before bcoin
// (`node -r`), this fixes the difficulty of each block to the compact target in HASHLEASE_BITS (hex, as 1f00ffff).

const Chain = require('bcoin/lib/blockchain/chain');

const text = process.env.HASHLEASE_BITS ?? '';
if (!/^[0-9a-f]{8}$/.test(text))
  throw new Error('set HASHLEASE_BITS to the compact target of every block: 8 hex digits, such as 1f00ffff');

const bits = parseInt(text, 16);

Chain.prototype.getTarget = async () => bits;

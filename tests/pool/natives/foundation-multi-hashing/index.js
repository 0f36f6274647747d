'use strict';

// Bitcoin's hash from Node's own crypto: the only one of this package's that the pool is asked for here.

const { createHash } = require('crypto');

const sha256 = (bytes) => createHash('sha256').update(bytes).digest();

exports.sha256d = (bytes) => sha256(sha256(bytes));

'use strict';

// A mining pool for the tests: foundation-stratum on the Bitcoin node of the tests. Every share that it judges is a
// line of JSON in POOL_SHARES, appended before the miner hears of it, so that the count outlives a kill. Settings come
// by the environment: POOL_PORT, POOL_DIFFICULTY, POOL_ADDRESS, POOL_PASSWORD, POOL_SHARES, POOL_RPC_PORT, BCOIN_API_KEY,
// POOL_EXTRANONCE2_SIZE (8 unless said) and POOL_JOBS_FROM (the number before the first job's, 0 unless said).

const { appendFileSync } = require('fs');
const net = require('net');
const { create } = require('foundation-stratum');

const { POOL_ADDRESS, POOL_PASSWORD, POOL_SHARES, BCOIN_API_KEY } = process.env;
const [port, difficulty, rpcPort] = ['POOL_PORT', 'POOL_DIFFICULTY', 'POOL_RPC_PORT'].map((name) => {
  const number = Number(process.env[name]);
  if (!(number > 0)) throw new Error(`set ${name} to a positive number`);
  return number;
});

// The pool listens wherever it can; tests keep to the loopback interface.
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (port, ...rest) {
  return typeof port === 'number' ? listen.call(this, port, '127.0.0.1', ...rest) : listen.call(this, port, ...rest);
};

const regtest = {
  bech32: 'rb',
  bip32: { public: 0x043587cf, private: 0x04358394 },
  pubKeyHash: 0x3c,
  scriptHash: 0x26,
  wif: 0xef,
  coin: 'btc',
};
const pool = create(
  {
    name: 'Regtest',
    coins: ['Bitcoin'],
    // Shares of a job that a new block ended are refused by the thousand in seconds: no reason to ban the tests.
    banning: { time: 1, invalidPercent: 2, checkThreshold: 1e9, purgeInterval: 60 },
    ports: [{ port, enabled: true, difficulty: { initial: difficulty, minimum: difficulty, maximum: difficulty, targetTime: 15, retargetTime: 90, variance: 0.3 } }],
    p2p: { enabled: false },
    settings: { connectionTimeout: 600, jobRebroadcastTimeout: 5, blockRefreshInterval: 250, tcpProxyProtocol: false },
    primary: {
      address: POOL_ADDRESS,
      coin: {
        name: 'Bitcoin',
        symbol: 'BTC',
        version: 1,
        asicboost: true,
        getinfo: false,
        segwit: true,
        rewards: {},
        algorithms: { mining: 'sha256d', block: 'sha256d', coinbase: 'sha256d' },
        mainnet: regtest,
        testnet: regtest,
      },
      daemons: [{ host: '127.0.0.1', port: rpcPort, username: 'x', password: BCOIN_API_KEY }],
      recipients: [],
    },
  },
  {},
  (_address, _port, _primary, _auxiliary, password, answer) => answer({ error: null, authorized: password === POOL_PASSWORD }),
  () => {},
);

const setUp = pool.setupJobManager;
pool.setupJobManager = () => {
  setUp();
  // As modern pools do, eight bytes for the miner where this one gives four.
  const size = Number(process.env.POOL_EXTRANONCE2_SIZE ?? 8);
  pool.manager.extraNoncePlaceholder = Buffer.alloc(pool.manager.extraNonceCounter.size + size, 0xf1);
  pool.manager.extraNonce2Size = size;
  // So that the jobs of several pools can be told apart.
  pool.manager.jobCounter.counter = Number(process.env.POOL_JOBS_FROM ?? 0);
  pool.manager.on('share', ({ error, difficulty, blockType, hash, job, addrPrimary }) => {
    const share = { error: error ?? null, difficulty, block: blockType === 'primary' ? hash : null, job, user: addrPrimary };
    appendFileSync(POOL_SHARES, `${JSON.stringify(share)}\n`);
  });
};
pool.on('log', (severity, text) => console.log(severity, text));
pool.on('started', () => console.log('the pool serves miners'));
pool.setupPool();

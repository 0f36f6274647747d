'use strict';

// The part of bignum's interface that the pool uses, on JavaScript's own big integers.

class Bignum {
  constructor(value) {
    this.value = value;
  }

  mul(other) {
    return new Bignum(this.value * bignum(other).value);
  }

  pow(other) {
    return new Bignum(this.value ** bignum(other).value);
  }

  ge(other) {
    return this.value >= bignum(other).value;
  }

  toNumber() {
    return Number(this.value);
  }
}

function bignum(value, base) {
  if (value instanceof Bignum) return value;
  return new Bignum(base === 16 ? BigInt(`0x${value}`) : BigInt(value));
}

bignum.fromBuffer = (buffer, { endian = 'big' } = {}) =>
  bignum((endian === 'little' ? Buffer.from(buffer).reverse() : buffer).toString('hex'), 16);

module.exports = bignum;

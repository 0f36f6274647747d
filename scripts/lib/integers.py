#!/usr/bin/env python3
"""A solver for halmos that thinks in integers: arithmetic of 256-bit words, which solvers of bits can't decide, mostly can't wrap around.

Usage: integers.py QUERY.smt2      (as halmos --solver-command; prints unsat, sat with a model, or unknown)

Each word becomes an integer with the bounds that its width and its making give it; where these show that an operation can't wrap, it is the
plain integer operation, and otherwise its remainder. What isn't arithmetic (a hash, an array) becomes an integer of which only the width is
known: that allows more, never less, so that "unsat" holds. A model counts only once it satisfies the query itself, in bits.
"""

import itertools, pathlib, sys
from halmos.solve import SMTQuery, refine
from z3 import *

TIMEOUT_MS = 110_000
WORD = "(_ BitVec 256)"
ANY_PRODUCT = f"(declare-fun f_evm_bvmul_256 ({WORD} {WORD}) {WORD})"
SOME_PRODUCT = f"""{ANY_PRODUCT.replace("f_evm", "any")}
(define-fun f_evm_bvmul_256 ((x {WORD}) (y {WORD})) {WORD} (let ((zero (_ bv0 256)) (one (_ bv1 256)))
  (ite (or (= x zero) (= y zero)) zero (ite (= x one) y (ite (= y one) x (any_bvmul_256 x y))))))"""


class Integers:
    def __init__(self):
        self.memo, self.facts, self.bounds, self.names = {}, [], {}, {}
        # A product's variable by its factors, which are their ids in order; and how each product splits in two.
        self.factors, self.monomials, self.splits = {}, {}, []
        self.multipliers, self.scaled, self.kept = {1}, {}, []
        # What products are, apart from the facts, which are linear.
        self.definitions = []

    def fresh(self, low, high, term=None):
        value = FreshInt()
        self.facts += [value >= low, value <= high]
        self.bounds[value.get_id()] = (low, high)
        self.kept.append(value)
        if term is not None:
            self.names[term] = value
        return value

    def range(self, value):
        if is_int_value(value):
            return value.as_long(), value.as_long()
        return self.bounds[value.get_id()]

    def named(self, expression, low, high):
        """A variable for an expression, with its bounds."""
        if is_int_value(expression):
            return expression
        value = self.fresh(low, high)
        self.facts.append(value == expression)
        return value

    def wrap(self, expression, low, high, size):
        """The remainder by 2^size of an expression that lies between low and high."""
        if low >= 0 and high < 1 << size:
            return self.named(expression, low, high)
        turns = self.fresh(low >> size, high >> size)
        rest = self.fresh(0, (1 << size) - 1)
        self.facts.append(expression == rest + turns * (1 << size))
        return rest

    def times(self, a, b):
        (al, ah), (bl, bh) = self.range(a), self.range(b)
        if is_int_value(a) or is_int_value(b):
            self.multipliers |= {x.as_long() for x in (a, b) if is_int_value(x) and x.as_long() > 1}
            product = self.named(simplify(a * b), al * bl, ah * bh)
            constant, factor = (a, b) if is_int_value(a) else (b, a)
            self.scaled[product.get_id()] = (constant, factor)
            return product
        factors = tuple(sorted(self.factors.get(a.get_id(), (a.get_id(),)) + self.factors.get(b.get_id(), (b.get_id(),))))
        if factors not in self.monomials:
            product = self.fresh(al * bl, ah * bh)
            self.definitions.append(product == a * b)
            self.monomials[factors] = product
            self.factors[product.get_id()] = factors
        self.splits.append((a, b, self.monomials[factors]))
        return self.monomials[factors]

    def word(self, term):
        """The integer of a word."""
        key = term.get_id()
        if key not in self.memo:
            self.memo[key] = (term, self.translate(term))
        return self.memo[key][1]

    def translate(self, term):
        size, kind = term.size(), term.decl().kind()
        if is_bv_value(term):
            return IntVal(term.as_long())
        if kind == Z3_OP_ITE:
            yes, no = self.word(term.arg(1)), self.word(term.arg(2))
            (yl, yh), (nl, nh) = self.range(yes), self.range(no)
            return self.named(If(self.truth(term.arg(0)), yes, no), min(yl, nl), max(yh, nh))
        if kind == Z3_OP_CONCAT:
            total = self.word(term.arg(0))
            for part in term.children()[1:]:
                low = self.word(part)
                (tl, th), (ll, lh) = self.range(total), self.range(low)
                shift = 1 << part.size()
                total = low if th == 0 else self.named(total * shift + low, tl * shift + ll, th * shift + lh)
            return total
        if kind == Z3_OP_EXTRACT:
            high, low = term.params()
            value = self.word(term.arg(0))
            _, top = self.range(value)
            if low:
                value = self.named(value / (1 << low), 0, top >> low)
                top >>= low
            return self.wrap(value, 0, top, high - low + 1) if top >= 1 << (high - low + 1) else value
        if kind == Z3_OP_ZERO_EXT:
            return self.word(term.arg(0))
        if kind == Z3_OP_BADD:
            parts = [self.word(x) for x in term.children()]
            # A summand in the upper half stands for a negative number.
            half = 1 << (size - 1)
            parts = [IntVal(x.as_long() - 2 * half) if is_int_value(x) and x.as_long() >= half else x for x in parts]
            ranges = [self.range(x) for x in parts]
            return self.wrap(Sum(parts), sum(x for x, _ in ranges), sum(x for _, x in ranges), size)
        if kind == Z3_OP_BMUL:
            return self.product(term, size)
        if kind == Z3_OP_BSUB:
            a, b = (self.word(x) for x in term.children())
            (al, ah), (bl, bh) = self.range(a), self.range(b)
            return self.wrap(a - b, al - bh, ah - bl, size)
        if kind in (Z3_OP_BUDIV, Z3_OP_BUREM, Z3_OP_BUDIV_I, Z3_OP_BUREM_I):
            return self.quotient(term, size, kind in (Z3_OP_BUDIV, Z3_OP_BUDIV_I))
        if kind == Z3_OP_BXOR:
            # OpenZeppelin's branchless choice: b ^ ((a ^ b) * (c ? 1 : 0)).
            for i, choice in enumerate(term.children()):
                rest = [x for j, x in enumerate(term.children()) if j != i]
                split = self.choice(choice)
                if split:
                    yes, no = (xor([part, *rest]) for part in split[1:])
                    return self.word(If(split[0], yes, no))
        return self.fresh(0, (1 << size) - 1, term if kind == Z3_OP_UNINTERPRETED and term.num_args() == 0 else None)

    def choice(self, term):
        """(condition, word, zero) of a product with a condition's 0 or 1."""
        if term.decl().kind() == Z3_OP_ITE:
            return term.children()
        if term.decl().kind() == Z3_OP_BMUL and term.num_args() == 2:
            for flag, word in itertools.permutations(term.children()):
                if flag.decl().kind() == Z3_OP_ITE and is_bv_value(flag.arg(1)) and is_bv_value(flag.arg(2)):
                    if (flag.arg(1).as_long(), flag.arg(2).as_long()) == (1, 0):
                        return flag.arg(0), word, BitVecVal(0, term.size())
                    if (flag.arg(1).as_long(), flag.arg(2).as_long()) == (0, 1):
                        return flag.arg(0), BitVecVal(0, term.size()), word
        return None

    def product(self, term, size):
        split = self.choice(term)
        if split:
            return self.word(If(*split))
        total = IntVal(1)
        for part in term.children():
            factor = self.word(part)
            if is_int_value(factor) and factor.as_long() >= 1 << (size - 1):
                factor = IntVal(factor.as_long() - (1 << size))
            if is_int_value(total) and is_int_value(factor):
                total = IntVal(total.as_long() * factor.as_long())
                continue
            if is_int_value(factor):
                total, factor = factor, total
            if is_int_value(total) and total.as_long() <= 1:
                c, (low, high) = total.as_long(), self.range(factor)
                total = factor if c == 1 else self.wrap(factor * c, high * c, low * c, size)
                continue
            exact = self.times(total, factor)
            low, high = self.range(exact)
            total = exact if high < 1 << size else self.wrap(exact, low, high, size)
        return total

    def quotient(self, term, size, wants_quotient):
        a, b = (self.word(x) for x in term.children())
        (al, ah), (bl, bh) = self.range(a), self.range(b)
        if is_int_value(b) and b.as_long() > 0:
            quotient, rest = self.fresh(al // bh, ah // bl), self.fresh(0, bh - 1)
            self.facts += [a == quotient * b + rest]
            return quotient if wants_quotient else rest
        exact = self.cofactor(a, b)
        if exact is not None:
            quotient, rest = (exact, IntVal(0)) if bl > 0 else (If(b > 0, exact, (1 << size) - 1), If(b > 0, IntVal(0), a))
            return self.named(quotient, 0, (1 << size) - 1) if wants_quotient else self.named(rest, 0, ah)
        quotient, rest = self.fresh(0, (1 << size) - 1), self.fresh(0, (1 << size) - 1)
        capped = self.fresh(0, ah)
        self.facts.append(Implies(b > 0, And(quotient == capped, a == self.times(capped, b) + rest, rest < b)))
        self.facts.append(Implies(b == 0, And(quotient == (1 << size) - 1, rest == a)))
        if bl > 0:
            return capped if wants_quotient else rest
        return quotient if wants_quotient else rest

    def cofactor(self, product, factor):
        """What a product is made of beside one of its factors, if it is one."""
        constant, other = self.scaled.get(product.get_id(), (None, None))
        if other is not None and other.eq(factor):
            return constant
        rest = list(self.factors.get(product.get_id(), ()))
        for part in self.factors.get(factor.get_id(), (factor.get_id(),)):
            if part not in rest:
                return None
            rest.remove(part)
        if len(rest) == 1:
            return next(x for x in self.kept if x.get_id() == rest[0])
        return self.monomials.get(tuple(rest))

    def truth(self, term):
        """The condition on integers; one that isn't understood may be either."""
        kind = term.decl().kind()
        if is_true(term) or is_false(term):
            return term
        if kind in (Z3_OP_AND, Z3_OP_OR, Z3_OP_NOT, Z3_OP_IMPLIES, Z3_OP_XOR):
            return term.decl()(*(self.truth(x) for x in term.children()))
        if kind == Z3_OP_ITE:
            return If(*(self.truth(x) for x in term.children()))
        if kind in (Z3_OP_EQ, Z3_OP_DISTINCT) and is_bv(term.arg(0)):
            a, b = (self.word(x) for x in term.children())
            return a == b if kind == Z3_OP_EQ else a != b
        if kind == Z3_OP_EQ and is_bool(term.arg(0)):
            return self.truth(term.arg(0)) == self.truth(term.arg(1))
        orders = {Z3_OP_ULEQ: "__le__", Z3_OP_ULT: "__lt__", Z3_OP_UGEQ: "__ge__", Z3_OP_UGT: "__gt__"}
        if kind in orders:
            a, b = (self.word(x) for x in term.children())
            return getattr(a, orders[kind])(b)
        return FreshBool()

    def lemmas(self):
        """True facts of products: more of a factor is more of the product, also by a constant that the query multiplies with."""
        byid = {x.get_id(): x for x in self.kept}
        splits = {(a.get_id(), b.get_id()): (a, b, p) for a, b, p in self.splits}
        for factors, product in self.monomials.items():
            for i, factor in enumerate(factors):
                rest = self.monomials.get(factors[:i] + factors[i + 1 :])
                if rest is not None:
                    splits[factor, rest.get_id()] = (byid[factor], rest, product)
        splits = list(splits.values())
        for (a, b, p), (c, d, q) in itertools.combinations(splits, 2):
            for (x, y), (z, w) in itertools.product(((a, b), (b, a)), ((c, d), (d, c))):
                if not x.eq(z):
                    continue
                for m in self.multipliers:
                    yield from (Implies(y <= m * w, p <= m * q), Implies(w <= m * y, q <= m * p))
                    yield from (Implies(m * y <= w, m * p <= q), Implies(m * w <= y, m * q <= p))
                    yield Implies(And(x <= m, w <= y), p - q <= m * (y - w))
                    yield Implies(And(x <= m, y <= w), q - p <= m * (w - y))
                yield from (Implies(y < w, p + x <= q), Implies(w < y, q + x <= p))
        for a, b, p in splits:
            for x, y in ((a, b), (b, a)):
                low, high = self.range(x)
                yield from (p >= y * low, p <= y * high)
                for m in self.multipliers | {2**bits - 1 for bits in (32, 64, 96, 128)}:
                    yield from (Implies(x <= m, p <= m * y), Implies(x >= m, p >= m * y))


def xor(parts):
    """The parts, joined by ^, without what cancels out."""
    left = []
    for part in itertools.chain.from_iterable(map(xored, parts)):
        twin = next((i for i, x in enumerate(left) if x.eq(part)), None)
        if twin is not None:
            left.pop(twin)
        elif not (is_bv_value(part) and part.as_long() == 0):
            left.append(part)
    total = left[0] if left else BitVecVal(0, parts[0].size())
    for part in left[1:]:
        total = total ^ part
    return total


def xored(term):
    """What a word is made of by ^. z3 writes x ^ 1 as x's upper bits beside its lowest, negated."""
    if term.decl().kind() == Z3_OP_BXOR:
        return [part for child in term.children() for part in xored(child)]
    if term.decl().kind() == Z3_OP_CONCAT and term.num_args() == 2:
        high, low = term.children()
        if high.decl().kind() == Z3_OP_EXTRACT and high.params()[1] == 1 and low.decl().kind() == Z3_OP_BNOT:
            if low.arg(0).eq(Extract(0, 0, high.arg(0))):
                return [high.arg(0), BitVecVal(1, term.size())]
    return [term]


def answer(conditions, timeout_ms):
    solver = Solver()
    solver.set("timeout", timeout_ms)
    solver.add(conditions)
    return solver.check(), solver


def main():
    original = pathlib.Path(sys.argv[1]).read_text()
    # halmos asks first with products that may be anything, and would take a model of that for a counterexample.
    query = list(parse_smt2_string(refine(SMTQuery(original, [])).smtlib))
    integers = Integers()
    facts = [integers.truth(condition) for condition in query] + integers.facts
    # Mostly the lemmas are enough. Where words are taken apart bit by bit, all that matters of products is zero and one.
    bits = list(parse_smt2_string(original.replace(ANY_PRODUCT, SOME_PRODUCT)))
    steps = [(facts + list(integers.lemmas()), 30_000), (bits, 10_000)]
    steps.append((facts + integers.definitions, TIMEOUT_MS))
    for conditions, timeout_ms in steps:
        result, solver = answer(conditions, timeout_ms)
        if result == unsat:
            print("unsat")
            return
        if result == sat and conditions[0] is facts[0]:
            model = solver.model()
            values = [(term, BitVecVal(model.eval(value, True).as_long(), term.size())) for term, value in integers.names.items()]
            if answer(query + [term == value for term, value in values], 10_000)[0] == sat:
                print("sat\n(model")
                for term, value in values:
                    print(f"  (define-fun {term.decl().name()} () (_ BitVec {term.size()}) #x{value.as_long():0{term.size() // 4}x})")
                print(")")
                return
    print("unknown")


if __name__ == "__main__":
    main()

"""The C text of elementary functions, written for doubles; `polynomials` fills it in and makes the one for floats.

A name in capital letters is a number that differs between the types, and `q = EXP(r)` stands for Horner's rule with the
coefficients EXP of `coefficients`. In a comparison with NaN the argument is kept: `LOW > x ? LOW : x` is NaN for NaN.
"""

DOUBLES = """\
static inline uint64_t tg_bits(double x) { uint64_t n; memcpy(&n, &x, sizeof n); return n; }
static inline double tg_real(uint64_t n) { double x; memcpy(&x, &n, sizeof x); return x; }
static inline int tg_far(double x) { return fabs(x) > NEAR; }

static inline double tg_power2(double y, double k)  /* y * 2**k in two factors, as 2**k alone may overflow */
{
    double t = fma(k, 0.5, BIASED), u = (k - (t - BIASED)) + BIASED;
    return y * tg_real(tg_bits(t) << MANTISSA) * tg_real(tg_bits(u) << MANTISSA);
}

static inline double tg_exp(double x)
{
    double c = EXP_LOW > x ? EXP_LOW : x;
    c = EXP_HIGH < c ? EXP_HIGH : c;
    double k = fma(c, LOG2E, MAGIC) - MAGIC;
    double d = fma(k, -LN2_1, c), r = fma(k, -LN2_2, d), rest = fma(k, -LN2_2, d - r);
    double q = EXP(r);
    return tg_power2(1.0 + (r + fma(r * r, q, rest)), k);
}

static inline double tg_expm1_eighth(double x)  /* (exp(x) - 1) / 8, which overflows later than exp(x) */
{
    double c = EXPM1_LOW > x ? EXPM1_LOW : x;
    c = EXPM1_HIGH < c ? EXPM1_HIGH : c;
    double k = fma(c, LOG2E, MAGIC) - MAGIC;
    double d = fma(k, -LN2_1, c), r = fma(k, -LN2_2, d), rest = fma(k, -LN2_2, d - r);
    double q = EXP(r);
    double s = tg_real(tg_bits(k + EIGHTH) << MANTISSA);  /* 2**(k - 3) */
    return fma(s, r + fma(r * r, q, rest), s - 0.125);
}

static inline double tg_expm1(double x)
{
    return fabs(x) < SMALL ? x : 8.0 * tg_expm1_eighth(x);
}

static inline double tg_tanh(double x)
{
    double a = fabs(x), e = 8.0 * tg_expm1_eighth(2.0 * a), q = (a < 0.5 ? e : 2.0) / (e + 2.0);
    return a < SMALL ? x : copysign(a < 0.5 ? fma(-0.5 * e, q, 0.5 * e) : 1.0 - q, x);
}

static inline double tg_sinh(double x)
{
    double a = fabs(x), e = tg_expm1_eighth(a), q = e / (e + 0.125);
    return a < SMALL ? x : copysign(a < 1.0 ? fma(-4.0 * e, q, 8.0 * e) : fma(4.0, e, 0.5 * q), x);
}

static inline double tg_cosh(double x)
{
    double e = tg_expm1_eighth(fabs(x)) + 0.125;
    return fma(4.0, e, 0.0625 / e);
}

static inline double tg_sigmoid(double x)
{
    double e = tg_exp(-fabs(x)), q = e / (1.0 + e);
    return x < 0.0 ? fma(-e, q, e) : 1.0 - q;
}

static inline double tg_log_parts(double f, double k)  /* log(1 + f) + k log(2) */
{
    double s = f / (2.0 + f), z = s * s, h = 0.5 * f * f;
    double q = LOG(z);
    return fma(k, LN2_1, f - (h - fma(s, fma(z, q, h), k * LN2_2)));
}

static inline double tg_log(double x)
{
    double v = x < TINY ? x * RAISE : x;  /* a subnormal number becomes a normal one */
    uint64_t n = tg_bits(v) + (tg_bits(1.0) - tg_bits(SQRT_HALF));
    double k = tg_real((n >> MANTISSA) | tg_bits(UNIT)) - (x < TINY ? UNIT_RAISED : UNIT_BIASED);
    double m = tg_real((n & FRACTION) + tg_bits(SQRT_HALF));
    double y = tg_log_parts(m - 1.0, k);
    y = x > 0.0 ? y : (x == 0.0 ? -INFINITY : NAN);
    return x < INFINITY ? y : x;
}

static inline double tg_log1p(double x)
{
    double u = 1.0 + x, w = u - 1.0, rest = (1.0 - (u - w)) + (x - w);  /* u + rest = 1 + x exactly */
    uint64_t n = tg_bits(u) + (tg_bits(1.0) - tg_bits(SQRT_HALF));
    double k = tg_real((n >> MANTISSA) | tg_bits(UNIT)) - UNIT_BIASED;
    double m = tg_real((n & FRACTION) + tg_bits(SQRT_HALF));
    double f = fma(0.5 * rest, tg_real(tg_bits(BIASED + 1.0 - k) << MANTISSA), m - 1.0);
    double y = fabs(x) < SMALL ? x : copysign(tg_log_parts(f, k), x);
    y = x > -1.0 ? y : (x == -1.0 ? -INFINITY : NAN);
    return x < INFINITY ? y : x;
}

static inline double tg_sin_turns(double x, double k, uint64_t odd)  /* sin(x - k pi), negated for an odd number */
{
    double c = fma(k, -PI_1, x), d = fma(k, -PI_2, c);
    double r = d - fma(k, PI_3, fma(k, PI_2, d - c));
    double a = fabs(r), z = r * r;
    double q = SIN(z);
    double y = fma(a * z, q, a);
    return copysign(y > 1.0 ? 1.0 : y, tg_real(tg_bits(r) ^ (odd << 63)));
}

static inline double tg_sin_near(double x)
{
    double t = fma(x, INVPI, MAGIC);
    return tg_sin_turns(x, t - MAGIC, tg_bits(t));
}

static inline double tg_cos_near(double x)
{
    double t = fma(x, INVPI, 0.5) + MAGIC;
    return tg_sin_turns(x, (t - MAGIC) - 0.5, tg_bits(t));
}

static inline double tg_logaddexp(double x, double y)
{
    double largest = x > y ? x : y, rest = tg_log1p(tg_exp(-fabs(x - y)));
    return x == y ? x + LN2_1 : largest + rest;  /* equal ones may be infinite */
}

static inline double tg_erf(double x)
{
    double a = fabs(x), z = a * a;
    double near = ERF(z);
    double c = 6.0 < a ? 6.0 : a, t = (c - 2.5) / (c + 2.5);
    double q = ERFC(t);
    return copysign(a < 1.0 ? fma(a, near, a) : 1.0 - tg_exp(-c * c) * q, x);
}
"""

FLOATS = """\
static inline float tg_sin_turnsf(double x, double k, uint64_t odd)  /* sin(x - k pi), negated for an odd number */
{
    double d = fma(k, -PIS_2, fma(k, -PIS_1, x));
    float r = (float)tg_real(tg_bits(d) ^ (odd << 63)), a = fabsf(r), z = a * a;
    float q = SIN(z);
    float y = fmaf(a * z, q, a);
    return copysignf(y > 1.0f ? 1.0f : y, r);
}

static inline float tg_sin_nearf(float x)
{
    double t = fma((double)x, INVPI, MAGIC);
    return tg_sin_turnsf(x, t - MAGIC, tg_bits(t));
}

static inline float tg_cos_nearf(float x)
{
    double t = fma((double)x, INVPI, 0.5) + MAGIC;
    return tg_sin_turnsf(x, (t - MAGIC) - 0.5, tg_bits(t));
}

static inline float tg_erff(float x)
{
    float a = fabsf(x), c = 4.0f < a ? 4.0f : a, z = a * a;
    float near = ERF(z);
    float far = LOGERFC(c);
    return copysignf(a < 1.0f ? fmaf(a, near, a) : 1.0f - tg_expf(far), x);
}

static inline float tg_powf(float x, float y)
{
    double a = fabsf(x), w = y;
    double p = tg_exp(w * tg_log(a));
    int whole = floorf(y) == y, odd = whole && floorf(y * 0.5f) != y * 0.5f;
    p = x < 0.0f && !whole && a < INFINITY ? NAN : p;
    p = y == 0.0f || x == 1.0f || (a == 1.0 && fabsf(y) == INFINITY) ? 1.0 : p;
    return (float)(odd ? copysign(p, x) : p);
}
"""  # those that differ from the text for doubles in more than the type

/*
 * SAN=ub: what gcc's -fsanitize=undefined calls when a program's behaviour is
 * undefined. Each call ends as a panic that names kind and place.
 */
#include "base/kern.h"

/* gcc's, libsanitizer/ubsan. */
struct place {
    const char *file;
    uint32_t line, column;
};
struct type {
    uint16_t kind, info; /* kind 0: an integer; info bit 0: signed */
    char name[];
};

/* The first member of most handlers' data is the place. */
static NORETURN void report(const struct place *at, const char *what)
{
    panic("ub: %s:%u:%u: %s", at->file, at->line, at->column, what);
}

// clang-format off
#define HANDLER(name, what, ...) \
    void __ubsan_handle_##name(const struct place *at, ##__VA_ARGS__); \
    void __ubsan_handle_##name(const struct place *at, ##__VA_ARGS__) \
    { \
        report(at, what); \
    }
#define WITH_VALUES(name, what) \
    HANDLER(name, what, uint64_t a __attribute__((unused)), \
            uint64_t b __attribute__((unused)))

WITH_VALUES(add_overflow, "signed addition overflows")
WITH_VALUES(sub_overflow, "signed subtraction overflows")
WITH_VALUES(mul_overflow, "signed multiplication overflows")
WITH_VALUES(negate_overflow, "negation overflows")
WITH_VALUES(divrem_overflow, "division by zero, or it overflows")
WITH_VALUES(pointer_overflow, "pointer arithmetic wraps around")
HANDLER(builtin_unreachable, "code that cannot be reached")
HANDLER(missing_return, "a function ends without a value")
WITH_VALUES(load_invalid_value, "a value that its type does not have")
WITH_VALUES(vla_bound_not_positive, "an array of no size")
WITH_VALUES(nonnull_arg, "a null pointer for an argument that must not be")
WITH_VALUES(invalid_builtin, "an argument that a builtin does not take")
// clang-format on

struct shift {
    struct place at;
    const struct type *left, *right;
};
void __ubsan_handle_shift_out_of_bounds(const struct shift *s, uint64_t left,
                                        uint64_t right);
void __ubsan_handle_shift_out_of_bounds(const struct shift *s, uint64_t left,
                                        uint64_t right)
{
    panic("ub: %s:%u:%u: shift of %s 0x%lx by %ld", s->at.file, s->at.line,
          s->at.column, s->left->name, left, (long)right);
}

struct bounds {
    struct place at;
    const struct type *array, *index;
};
void __ubsan_handle_out_of_bounds(const struct bounds *b, uint64_t index);
void __ubsan_handle_out_of_bounds(const struct bounds *b, uint64_t index)
{
    panic("ub: %s:%u:%u: index %ld of %s is out of bounds", b->at.file,
          b->at.line, b->at.column, (long)index, b->array->name);
}

struct mismatch {
    struct place at;
    const struct type *type;
    uint8_t log_alignment, access;
};
void __ubsan_handle_type_mismatch_v1(const struct mismatch *m, uint64_t at);
void __ubsan_handle_type_mismatch_v1(const struct mismatch *m, uint64_t at)
{
    const char *what = !at ? "null pointer"
                       : at & ((1ul << m->log_alignment) - 1)
                           ? "misaligned address"
                           : "too small an object";

    panic("ub: %s:%u:%u: %s 0x%lx for %s", m->at.file, m->at.line, m->at.column,
          what, at, m->type->name);
}

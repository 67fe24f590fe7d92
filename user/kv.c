/*
 * kv: a store of values under names. `kv serve` is the server, which keeps the
 * values; the other commands are its clients.
 */
#include <kv.h>
#include "kv_serve.h"

#define LOG_KIB     4096
#define LOG_KIB_MIN 128 /* a value fits: live ones take half of it */
#define LOG_KIB_MAX 65536

static char value[KV_VALUE_MAX + 1];

static int fail(const char *what, long error)
{
    if (error == -E_NOENT)
        dprintf(STDERR, "kv: %s: there is none\n", what);
    else
        dprintf(STDERR, "kv: %s: %s\n", what, err_name(error));
    return 1;
}

static int run_server(const char *kib)
{
    uint64_t log_kib = kib ? strtoul(kib, 0, 10) : LOG_KIB;
    long error;

    if (log_kib < LOG_KIB_MIN || log_kib > LOG_KIB_MAX) {
        dprintf(STDERR, "kv: the log has %d to %d KiB\n", LOG_KIB_MIN,
                LOG_KIB_MAX);
        return 2;
    }
    error = serve(log_kib * 1024);
    if (error == -E_NOENT)
        dprintf(STDERR, "kv: serve: no lobby; a shell makes one\n");
    else if (error == -E_EXIST)
        dprintf(STDERR, "kv: serve: somebody serves already\n");
    else
        return fail("serve", error);
    return 1;
}

/* --- the clients: each returns 0 or -E_code ------------------------------- */

/* All of standard input, or as much as is too much. Returns: its length. */
static long read_value(void)
{
    long length = 0, n = 1;

    while (n > 0 && length < (long)sizeof(value)) {
        n = read_in(value + length, sizeof(value) - (size_t)length);
        if (n < 0)
            return n;
        length += n;
    }
    return length;
}

static long put(struct kv *kv, char **args)
{
    long n;

    if (strcmp(args[1], "-") != 0)
        return kv_put(kv, args[0], args[1], strlen(args[1]));
    n = read_value();
    return n < 0 ? n : kv_put(kv, args[0], value, (uint64_t)n);
}

/* A value that does not end a line gets its end. */
static long get(struct kv *kv, char **args)
{
    long n = kv_get(kv, args[0], value, KV_VALUE_MAX);

    if (n < 0)
        return n;
    if (n == 0 || value[n - 1] != '\n')
        value[n++] = '\n';
    return write_out(STDOUT, value, (size_t)n);
}

static long delete (struct kv *kv, char **args)
{
    return kv_delete(kv, args[0]);
}

static long list(struct kv *kv, char **args)
{
    struct kv_body key;
    uint32_t place = 0;
    long error;

    (void)args;
    while ((error = kv_next(kv, &place, &key)) == 0)
        printf("%8u %s\n", key.length, key.key);
    return error == -E_NOENT ? 0 : error;
}

static long stat(struct kv *kv, char **args)
{
    struct kv_stat s;
    long error = kv_stat(kv, &s);

    (void)args;
    if (error)
        return error;
    printf("%u keys, %u clients\n", s.keys, s.clients);
    printf("%lu bytes of values; %lu of %lu bytes of the log are used\n",
           s.live, s.used, s.log_bytes);
    printf("%lu compactions\n", s.compactions);
    return 0;
}

static const struct command {
    char name[8];
    int args;
    long (*run)(struct kv *kv, char **args);
} commands[] = {
    {"put", 2, put},   {"get", 1, get},   {"del", 1, delete},
    {"list", 0, list}, {"stat", 0, stat},
};

static int run_client(const struct command *command, char **args)
{
    struct kv kv;
    long error = kv_open(&kv);

    if (error)
        return fail("server", error);
    error = command->run(&kv, args);
    kv_close(&kv);
    return error ? fail(command->args ? args[0] : command->name, error) : 0;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    if (strcmp(name, "serve") == 0 && argc <= 3)
        return run_server(argv[2]);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(commands[i].name, name) == 0 && argc == 2 + commands[i].args)
            return run_client(&commands[i], argv + 2);
    dprintf(STDERR, "usage: kv serve [KIB]\n"
                    "       kv put KEY VALUE   (- for standard input)\n"
                    "       kv get KEY\n"
                    "       kv del KEY\n"
                    "       kv list\n"
                    "       kv stat\n");
    return 2;
}

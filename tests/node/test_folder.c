/* The node's folder: modes whatever the umask, files whole or not at all, one lock. */
#include "node/core/folder.h"

#include <fcntl.h>

#include "tests/check.h"
#include "tests/node/synced.h"
#include "tests/node/temp.h"

static mode_t old_umask;

static void setup(void)
{
    temp_setup();
    old_umask = umask(022);
}

static void teardown(void)
{
    umask(old_umask);
    temp_teardown();
}

static struct tsk_slice str(const char *s)
{
    return (struct tsk_slice){(const uint8_t *)s, strlen(s)};
}

START_TEST(paths)
{
    char p[TSK_PATH_CAP], dir[TSK_PATH_CAP + 8];
    ck_ok(tsk_path("/a", "b", p));
    ck_assert_str_eq(p, "/a/b");
    ck_err(tsk_path("", "b", p), TSK_E_USAGE);
    ck_assert_str_eq(p, "/a/b");
    for (size_t n = TSK_PATH_CAP - 8; n < TSK_PATH_CAP + 7; n++) {
        memset(dir, 'd', n);
        dir[n] = '\0';
        ck_err(tsk_path(dir, "name", p), n + 5 < TSK_PATH_CAP ? TSK_OK : TSK_E_USAGE);
    }
}
END_TEST

START_TEST(new_folder)
{
    static const mode_t umasks[] = {0, 022, 077, 0777};
    for (size_t i = 0; i < 4; i++) {
        char name[] = "D0";
        name[1] = (char)('0' + i);
        umask(umasks[i]);
        ck_ok(tsk_folder_new(temp_path(name)));
        ck_assert_uint_eq(mode_of(temp_path(name)), 0700);
    }
    ck_assert_int_eq(chmod(temp_path("D0"), 0755), 0);
    ck_ok(tsk_folder_new(temp_path("D0"))); /* there, but empty */
    ck_assert_uint_eq(mode_of(temp_path("D0")), 0700);
    ck_ok(tsk_file_write(temp_path("D0/x"), str("x"), 0600));
    ck_err(tsk_folder_new(temp_path("D0")), TSK_E_EXISTS);
    ck_err(tsk_folder_new(temp_path("D0/x")), TSK_E_EXISTS);
    ck_err(tsk_folder_new(temp_path("no/such")), TSK_E_BADFILE);
    ck_err(tsk_folder_new(temp_path("D0/x/y")), TSK_E_BADFILE);
}
END_TEST

/* A new name is on disk only once the folder that holds it is. */
START_TEST(new_folder_is_durable)
{
    char path[TSK_PATH_CAP + 8], here[TSK_PATH_CAP];
    ck_ok(tsk_folder_new(temp_path("E")));
    ck_assert(synced(temp_dir));
    synced_n = 0;
    snprintf(path, sizeof path, "%s//", temp_path("E/F"));
    ck_ok(tsk_folder_new(path));
    ck_assert(synced(temp_path("E")) && !synced(temp_dir));
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    ck_assert_int_eq(chdir(temp_path("E")), 0);
    synced_n = 0;
    ck_ok(tsk_folder_new("G"));
    ck_assert(synced("."));
    ck_assert_int_eq(chdir(here), 0);
    ck_err(tsk_folder_sync(temp_path("none")), TSK_E_DISK);
}
END_TEST

START_TEST(one_lock)
{
    int fd = -1, other = -1;
    ck_ok(tsk_folder_lock(temp_dir, &fd));
    ck_err(tsk_folder_lock(temp_dir, &other), TSK_E_LOCKED);
    ck_assert_int_eq(other, -1);
    ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(fd);
    ck_ok(tsk_folder_lock(temp_dir, &fd));
    close(fd);
    ck_err(tsk_folder_lock(temp_path("none"), &fd), TSK_E_BADFILE);
}
END_TEST

START_TEST(write_and_read)
{
    static const size_t sizes[] = {0, 1, 4094, 4095, 4096, 4097, 100000};
    uint8_t *big = malloc(100000), *p;
    size_t n;
    for (size_t i = 0; i < 100000; i++)
        big[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ck_ok(tsk_file_write(temp_path("f"), (struct tsk_slice){big, sizes[i]}, 0640));
        ck_assert_uint_eq(mode_of(temp_path("f")), 0640);
        ck_ok(tsk_file_read(temp_path("f"), sizes[i], &p, &n));
        ck_assert_uint_eq(n, sizes[i]);
        ck_assert(n == 0 || memcmp(p, big, n) == 0);
        ck_assert_uint_eq(p[n], 0);
        free(p);
        if (sizes[i] > 0)
            ck_err(tsk_file_read(temp_path("f"), sizes[i] - 1, &p, &n), TSK_E_BADFILE);
    }
    free(big);
}
END_TEST

START_TEST(modes_whatever_the_umask)
{
    static const mode_t umasks[] = {0, 022, 077, 0777};
    for (size_t i = 0; i < 4; i++) {
        umask(umasks[i]);
        ck_ok(tsk_file_write(temp_path("secret"), str("x"), 0600));
        ck_assert_uint_eq(mode_of(temp_path("secret")), 0600);
        ck_ok(tsk_file_write(temp_path("open"), str("x"), 0644));
        ck_assert_uint_eq(mode_of(temp_path("open")), 0644);
    }
}
END_TEST

/* A refused write leaves what was there, and no litter. */
START_TEST(refused_writes)
{
    char longest[TSK_PATH_CAP + 8];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    ck_err(tsk_file_write(longest, str("x"), 0600), TSK_E_USAGE);
    ck_err(tsk_file_write(temp_path("no/such/f"), str("x"), 0600), TSK_E_DISK);
    ck_assert_int_eq(mkdir(temp_path("folder"), 0700), 0);
    ck_assert_int_eq(mkdir(temp_path("folder/inside"), 0700), 0);
    ck_err(tsk_file_write(temp_path("folder"), str("x"), 0600), TSK_E_DISK);
    ck_assert_int_eq(rmdir(temp_path("folder/inside")), 0);
    ck_assert_int_eq(rmdir(temp_path("folder")), 0);
    ck_assert_int_eq(rmdir(temp_dir), 0); /* so nothing else is left */
    ck_assert_int_eq(mkdir(temp_dir, 0700), 0);
}
END_TEST

/* The old file, held open, keeps its bytes: it was replaced, not written into. */
START_TEST(replaced_not_overwritten)
{
    char old[8] = "";
    ck_ok(tsk_file_write(temp_path("f"), str("old"), 0600));
    int fd = open(temp_path("f"), O_RDONLY);
    ck_ok(tsk_file_write(temp_path("f"), str("newer"), 0600));
    ck_assert_int_eq(read(fd, old, sizeof old), 3);
    ck_assert_str_eq(old, "old");
    close(fd);
}
END_TEST

START_TEST(relative_paths)
{
    char here[1024];
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    ck_assert_int_eq(chdir(temp_dir), 0);
    ck_ok(tsk_file_write("f", str("x"), 0600));
    ck_assert_int_eq(chdir(here), 0);
    ck_assert_int_eq(access(temp_path("f"), R_OK), 0);
}
END_TEST

START_TEST(unreadable)
{
    uint8_t *p;
    size_t n;
    ck_err(tsk_file_read(temp_path("none"), 10, &p, &n), TSK_E_BADFILE);
    ck_err(tsk_file_read(temp_dir, 10, &p, &n), TSK_E_BADFILE);
}
END_TEST

START_TEST(standard_input)
{
    uint8_t *p;
    size_t n;
    int pipe_fd[2], saved = dup(STDIN_FILENO);
    ck_assert_int_eq(pipe(pipe_fd), 0);
    ck_assert_int_eq(write(pipe_fd[1], "piped", 5), 5);
    close(pipe_fd[1]);
    dup2(pipe_fd[0], STDIN_FILENO);
    ck_ok(tsk_file_read("-", 5, &p, &n));
    ck_assert_mem_eq(p, "piped", 6);
    free(p);
    dup2(saved, STDIN_FILENO);
    close(saved);
    close(pipe_fd[0]);
}
END_TEST

/* ---- keys ---- */
static void make_keys(const char *secret)
{
    struct tsk_node_keys *k;
    uint8_t buf[TSK_KEYFILE_CAP];
    struct tsk_slice sealed;
    ck_ok(tsk_crypto_init());
    ck_ok(tsk_node_keys_new(2026, &k));
    ck_ok(tsk_keyfile_seal(k, str(secret), buf, sizeof buf, &sealed));
    ck_ok(tsk_file_write(temp_path("keys"), sealed, 0600));
    tsk_node_keys_free(k);
}

START_TEST(where_the_unlock_secret_is)
{
    struct tsk_node_keys *k = NULL;
    unsetenv("CREDENTIALS_DIRECTORY");
    ck_err(tsk_folder_keys(temp_dir, NULL, &k), TSK_E_KEYS); /* no keys */
    make_keys("the secret\n");
    ck_err(tsk_folder_keys(temp_dir, NULL, &k), TSK_E_KEYS); /* no secret */
    ck_ok(tsk_file_write(temp_path("unlock"), str("the secret\n"), 0600));
    ck_ok(tsk_folder_keys(temp_dir, NULL, &k));
    tsk_node_keys_free(k);

    ck_assert_int_eq(mkdir(temp_path("credentials"), 0700), 0);
    setenv("CREDENTIALS_DIRECTORY", temp_path("credentials"), 1);
    ck_ok(tsk_folder_keys(temp_dir, NULL, &k)); /* no credential of that name: the folder's own */
    tsk_node_keys_free(k);
    k = NULL;
    ck_ok(tsk_file_write(temp_path("credentials/unlock"), str("another"), 0600));
    ck_err(tsk_folder_keys(temp_dir, NULL, &k), TSK_E_KEYS);
    ck_ok(tsk_folder_keys(temp_dir, temp_path("unlock"), &k)); /* named: it alone counts */
    tsk_node_keys_free(k);
    k = NULL;
    ck_err(tsk_folder_keys(temp_dir, temp_path("none"), &k), TSK_E_KEYS);
    unsetenv("CREDENTIALS_DIRECTORY");

    ck_ok(tsk_file_write(temp_path("unlock"), str("the secret"), 0600)); /* its newline is part of it */
    ck_err(tsk_folder_keys(temp_dir, NULL, &k), TSK_E_KEYS);
    ck_ok(tsk_file_write(temp_path("unlock"), str(""), 0600));
    ck_err(tsk_folder_keys(temp_dir, NULL, &k), TSK_E_KEYS);
    ck_assert_ptr_null(k);
}
END_TEST

static TCase *folder_case(void)
{
    TCase *c = tcase_create("folder");
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_set_timeout(c, 60);
    tcase_add_test(c, paths);
    tcase_add_test(c, new_folder);
    tcase_add_test(c, new_folder_is_durable);
    tcase_add_test(c, one_lock);
    tcase_add_test(c, write_and_read);
    tcase_add_test(c, modes_whatever_the_umask);
    tcase_add_test(c, refused_writes);
    tcase_add_test(c, replaced_not_overwritten);
    tcase_add_test(c, relative_paths);
    tcase_add_test(c, unreadable);
    tcase_add_test(c, standard_input);
    tcase_add_test(c, where_the_unlock_secret_is);
    return c;
}

TSK_TEST_MAIN_NOFORK("folder", folder_case)

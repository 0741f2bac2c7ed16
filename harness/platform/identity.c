/* Tells hosts of one type apart.
 *
 * What identifies a host depends on what it is:
 * - A machine: /etc/machine-id, which survives reboots and new host names.
 * - A virtual machine: clones of one image may have the machine-id of the image.  So the number that the hypervisor, the
 *   cloud or the network card gives to this guest is added.  Only sources that every user may read count (not DMI's
 *   product_uuid), or one host would have two ids, root's and the users'.
 * - A container: its /etc/machine-id is the image's, and a new container has a new host name.  The host below it is
 *   known by the number that the hypervisor or the cloud gives it, else by the id of the running kernel.  So two
 *   containers of one host are one host, containers of one image on two hosts are two, and after a reboot without
 *   such a number the host is another one.  A container and the host itself are also two: limits and seccomp filters of
 *   a container change times.
 * A host that is wrongly "another one" costs a --same-type; one that is wrongly the same would give false alarms. */
#include "environment_private.h"
#include "shmeter/environment.h"
#include "shmeter/text.h"

#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID_MAX      256
#define SYSINFO_MAX (16 * 1024)
/* PROC_PID_INIT_INO in the kernel's include/uapi/linux/nsfs.h */
#define FIRST_PID_NAMESPACE "pid:[4026531836]"

/* FNV-1a, 64 bits (Fowler, Noll, Vo). */
#define FNV_START 0xcbf29ce484222325u
static uint64_t mix(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return (hash ^ '|') * 0x100000001b3u;
}

static bool reads(const struct sm_os *os, const char *path, char out[ID_MAX])
{
	return sm_os_read(os, out, ID_MAX, "%s", path) >= 0 && *out;
}

/* Whether this process is in another PID namespace than the first. */
static bool in_pid_namespace(const struct sm_os *os)
{
	char path[512], target[64];
	ssize_t length;

	snprintf(path, sizeof(path), "%s/proc/self/ns/pid", os->root);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	return strcmp(target, FIRST_PID_NAMESPACE) != 0;
}

/* What container this is, in a word; NULL: none. */
static const char *container(const struct sm_os *os)
{
	char text[4096];

	if (sm_os_has(os, "/run/.containerenv"))
		return "podman";
	if (sm_os_has(os, "/.dockerenv"))
		return "docker";
	if (sm_os_read(os, text, sizeof(text), "/proc/1/cgroup") >= 0 &&
	    (strstr(text, "docker") || strstr(text, "kubepods") || strstr(text, "lxc")))
		return "yes";
	return sm_os_has(os, "/run/systemd/container") || in_pid_namespace(os) ? "yes" : NULL;
}

/* IBM Z: "VM00 UUID: 6f...". */
static bool sysinfo_uuid(const struct sm_os *os, char out[ID_MAX])
{
	char *text = malloc(SYSINFO_MAX);
	bool found = text && sm_os_read(os, text, SYSINFO_MAX, "/proc/sysinfo") >= 0 &&
		     sm_find_field(text, "VM00 UUID", out, ID_MAX) && *out;

	free(text);
	return found;
}

/* A number of the guest that every process in it sees, in a container as well. */
static bool guest_number(const struct sm_os *os, char out[ID_MAX])
{
	/* Xen; KVM on POWER; the instance id of Amazon's guests (other makers write nothing or one text for all). */
	if (reads(os, "/sys/hypervisor/uuid", out) || reads(os, "/proc/device-tree/vm,uuid", out) ||
	    sysinfo_uuid(os, out))
		return true;
	return reads(os, "/sys/class/dmi/id/board_asset_tag", out) && strncmp(out, "i-", 2) == 0;
}

/* The permanent address of the first network card, in the order of names. */
static bool card_address(const struct sm_os *os, char out[ID_MAX])
{
	char pattern[512], kind[16];
	glob_t cards;
	bool found = false;

	snprintf(pattern, sizeof(pattern), "%s/sys/class/net/*/device", os->root);
	if (glob(pattern, 0, NULL, &cards) != 0)
		return false;
	for (size_t i = 0; !found && i < cards.gl_pathc; i++) {
		char *card = cards.gl_pathv[i] + strlen(os->root);

		*strrchr(card, '/') = '\0';
		/* 0: from the card itself; others are random or set by software (include/uapi/linux/netdevice.h) */
		found = sm_os_read(os, kind, sizeof(kind), "%s/addr_assign_type", card) >= 0 &&
			strcmp(kind, "0") == 0 && sm_os_read(os, out, ID_MAX, "%s/address", card) >= 0 && *out;
	}
	globfree(&cards);
	return found;
}

/* A number of the guest that only the guest itself has: containers do not see it. */
static bool own_number(const struct sm_os *os, char out[ID_MAX])
{
	return guest_number(os, out) || reads(os, "/var/lib/cloud/data/instance-id", out) || card_address(os, out);
}

/* Writes what tells the machine apart, and returns what that is, in words. */
static const char *machine_number(const struct sm_os *os, const char *name, char out[ID_MAX])
{
	if (reads(os, "/etc/machine-id", out) && strcmp(out, "uninitialized") != 0)
		return "its machine-id";
	snprintf(out, ID_MAX, "%s", name);
	return "its name, because it has no machine-id";
}

/* The same for a container. */
static const char *container_number(const struct sm_os *os, bool guest, const char *name, char out[ID_MAX])
{
	if (guest && guest_number(os, out))
		return "the number of the guest that this container is in";
	if (reads(os, "/proc/sys/kernel/random/boot_id", out))
		return "the running kernel, because this is a container: after a reboot it is another host";
	snprintf(out, ID_MAX, "%s", name);
	return "its name, because this is a container and the kernel has no boot_id";
}

void environment_add_host(json_t *object, const struct sm_os *os)
{
	const char *name = json_string_value(json_object_get(object, "host")), *in = container(os), *by;
	bool guest = json_is_true(json_object_get(object, "virtual_machine"));
	uint64_t hash = mix(FNV_START, "shmeter"); /* machine-id(5) asks for a word of our own */
	char text[ID_MAX], hex[17];

	if (in) {
		json_object_set_new(object, "container", json_string(in));
		hash = mix(hash, "container");
	}
	by = in ? container_number(os, guest, name ? name : "-", text) : machine_number(os, name ? name : "-", text);
	hash = mix(hash, text);
	if (!in && guest && own_number(os, text))
		hash = mix(hash, text);
	snprintf(hex, sizeof(hex), "%016" PRIx64, hash);
	json_object_set_new(object, "host_id", json_string(hex));
	json_object_set_new(object, "host_by", json_string(by));
}

static void hash_type(const json_t *environment, char out[17])
{
	static const char *const keys[] = {
		"architecture", "cpu_model", "cpu_family", "cpu_model_number", "pus",
		"nodes",        "caches",    "machine",    "virtual_machine",  "page_bytes"
	};
	const char *kernel = json_string_value(json_object_get(environment, "kernel"));
	json_int_t memory_kib = json_integer_value(json_object_get(environment, "memory_kib"));
	uint64_t hash = FNV_START;
	char text[64];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *value = json_object_get(environment, keys[i]);
		char *dump = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_COMPACT) : NULL;

		hash = mix(hash, dump ? dump : "-");
		free(dump);
	}
	/* On hybrid machines, the kind of core that was measured: --kind makes another machine of it. */
	if (json_object_get(environment, "home_kind")) {
		snprintf(text, sizeof(text), "%d", (int)json_integer_value(json_object_get(environment, "home_kind")));
		hash = mix(hash, text);
	}
	/* The kernel's major.minor, and memory rounded to 2 GiB, because the firmware reserves a varying amount. */
	if (kernel) {
		const char *dot = strchr(kernel, '.');

		snprintf(text, sizeof(text), "%.*s",
			 (int)(dot ? dot - kernel + 1 + (long)strspn(dot + 1, "0123456789") : 0), kernel);
		hash = mix(hash, text);
	}
	snprintf(text, sizeof(text), "%lld", (long long)((memory_kib + (1 << 20)) >> 21));
	hash = mix(hash, text);
	snprintf(out, 17, "%016" PRIx64, hash);
}

void sm_environment_identify(const json_t *environment, struct sm_identity *out)
{
	const char *host = json_string_value(json_object_get(environment, "host_id"));

	hash_type(environment, out->type);
	snprintf(out->host, sizeof(out->host), "%s", host ? host : "-");
}

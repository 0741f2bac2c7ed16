/* The SQLite file of the history. */
#include "shmeter/history.h"
#include "shmeter/error.h"
#include "shmeter/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shmeter/digest.h"
#include "shmeter/memory.h"

/* "shme": marks the file as this program's (SQLite's application_id). */
#define APPLICATION 0x73686d65
#define VERSION     2
#define WAIT_MS     10000

struct sm_history {
	sqlite3 *db;
	char path[4096];
};

static const char tables[] =
	"CREATE TABLE run (id INTEGER PRIMARY KEY, name TEXT NOT NULL, started TEXT NOT NULL, seed TEXT NOT NULL,"
	" host TEXT, fingerprint TEXT NOT NULL, version TEXT, profile TEXT, control_moved INTEGER, host_id TEXT,"
	" UNIQUE (name, started, seed));"
	"CREATE TABLE summary (run INTEGER NOT NULL REFERENCES run (id), case_id TEXT NOT NULL, pair_class TEXT,"
	" median REAL, low REAL, high REAL, n INTEGER, unit TEXT, PRIMARY KEY (run, case_id)) WITHOUT ROWID;"
	"CREATE INDEX summary_case ON summary (case_id);";

/* What version 1 lacks: `host` is a name, which says nothing in a container.  `fingerprint` is the type. */
static const char since_1[] = "ALTER TABLE run ADD COLUMN host_id TEXT; PRAGMA user_version = 2";

static int failed(const struct sm_history *history, int code, struct sm_error *err)
{
	int as = code == SQLITE_NOTADB || code == SQLITE_CORRUPT      ? EBADMSG
		 : code == SQLITE_READONLY || code == SQLITE_CANTOPEN ? EACCES
		 : code == SQLITE_BUSY                                ? EAGAIN
		 : code == SQLITE_FULL                                ? ENOSPC
								      : EIO;

	return sm_fail(err, as, "%s: %s", history->path,
		       code == SQLITE_NOTADB ? "this is no history: name another file with --db"
		       : code == SQLITE_READONLY
			       ? "it cannot be written, by its permissions or a read-only file system: copy "
				 "it, and name the copy with --db"
			       : sqlite3_errmsg(history->db));
}

static int execute(struct sm_history *history, const char *sql, struct sm_error *err)
{
	int code = sqlite3_exec(history->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : failed(history, code, err);
}

static int pragma(struct sm_history *history, const char *sql, int *value, struct sm_error *err)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(history->db, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	*value = code == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
	sqlite3_finalize(statement);
	return code == SQLITE_ROW ? 0 : failed(history, code, err);
}

/* Makes the tables of a new file, adds what an earlier version lacks; refuses a file of another program or of a later
 * version. */
static int prepare(struct sm_history *history, struct sm_error *err)
{
	char sql[sizeof(tables) + 128];
	int application, version, rc = execute(history, "BEGIN IMMEDIATE", err);

	if (rc == 0)
		rc = pragma(history, "PRAGMA application_id", &application, err);
	if (rc == 0)
		rc = pragma(history, "PRAGMA user_version", &version, err);
	if (rc == 0 && application == 0 && version == 0) {
		int count;

		rc = pragma(history, "SELECT count(*) FROM sqlite_master", &count, err);
		if (rc == 0 && count > 0)
			rc = sm_fail(err, EBADMSG, "%s is another program's database: name another file with --db",
				     history->path);
		snprintf(sql, sizeof(sql), "%sPRAGMA application_id = %d; PRAGMA user_version = %d;", tables,
			 APPLICATION, VERSION);
		if (rc == 0)
			rc = execute(history, sql, err);
	} else if (rc == 0 && application != APPLICATION) {
		rc = sm_fail(err, EBADMSG, "%s is another program's database: name another file with --db",
			     history->path);
	} else if (rc == 0 && (version < 1 || version > VERSION)) {
		rc = sm_fail(err, EBADMSG,
			     "%s is a history of version %d, and this program knows versions up to %d: use a later "
			     "shmeter, or name another file with --db",
			     history->path, version, VERSION);
	} else if (rc == 0 && version == 1) {
		rc = execute(history, since_1, err);
	}
	if (rc == 0)
		return execute(history, "COMMIT", err);
	(void)sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

/* Whether the file can be opened, and with `create` makes an empty one, which SQLite takes for a new database.  SQLite
 * itself says only "unable to open database file". */
static int look_at(const char *path, bool create, struct sm_error *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && !create)
		return sm_fail(err, ENOENT, "%s: no history is there yet; `shmeter history add DIR` begins one", path);
	if (fd < 0 && errno == ENOENT)
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return sm_fail(err, errno, "%s cannot be opened: %s", path, strerror(errno));
	close(fd);
	return 0;
}

int sm_history_open(struct sm_history **out, const char *path, bool create, struct sm_error *err)
{
	struct sm_history *history = calloc(1, sizeof(*history));
	int code, rc;

	*out = NULL;
	if (!history)
		return sm_fail(err, ENOMEM, "no memory for the history");
	snprintf(history->path, sizeof(history->path), "%s", path);
	rc = look_at(path, create, err);
	if (rc < 0) {
		free(history);
		return rc;
	}
	code = sqlite3_open_v2(path, &history->db, SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0), NULL);
	if (code == SQLITE_OK) {
		sqlite3_busy_timeout(history->db, WAIT_MS);
		/* a file from elsewhere may only contain tables, nothing that runs */
		sqlite3_db_config(history->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		sqlite3_db_config(history->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
		sqlite3_db_config(history->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
		sqlite3_db_config(history->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
		rc = prepare(history, err);
	} else {
		rc = failed(history, code, err);
	}
	if (rc < 0) {
		sm_history_close(history);
		return rc;
	}
	*out = history;
	return 0;
}

void sm_history_close(struct sm_history *history)
{
	if (history)
		sqlite3_close(history->db);
	free(history);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static const char *base_name(const char *folder)
{
	const char *slash = strrchr(folder, '/');

	return slash && slash[1] ? slash + 1 : folder;
}

/* These bind a value unless `code` tells of an error before; what is not bound would be stored as NULL. */
static void bind_text(int *code, sqlite3_stmt *statement, int at, const char *text)
{
	if (*code == SQLITE_OK)
		*code = sqlite3_bind_text(statement, at, text, -1, SQLITE_TRANSIENT);
}

static void bind_integer(int *code, sqlite3_stmt *statement, int at, sqlite3_int64 value)
{
	if (*code == SQLITE_OK)
		*code = sqlite3_bind_int64(statement, at, value);
}

/* An unknown number is NULL. */
static void bind_number(int *code, sqlite3_stmt *statement, int at, double value)
{
	if (*code == SQLITE_OK)
		*code = isfinite(value) ? sqlite3_bind_double(statement, at, value) : sqlite3_bind_null(statement, at);
}

static int insert_run(struct sm_history *history, const struct sm_results *run, bool *added, struct sm_error *err)
{
	const json_t *m = run->manifest, *aa = json_object_get(run->analysis, "aa");
	const char *texts[] = { base_name(run->folder),
				text_of(m, "started_utc"),
				text_of(m, "seed"),
				text_of(json_object_get(m, "environment"), "host"),
				text_of(json_object_get(m, "identity"), "type"),
				text_of(json_object_get(m, "tool"), "version"),
				text_of(m, "profile"),
				text_of(json_object_get(m, "identity"), "host") };
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(history->db,
				      "INSERT INTO run (name, started, seed, host, fingerprint, version, profile,"
				      " host_id, control_moved) VALUES (?, ?, ?, ?, ?, ?, ?, nullif(?, ''), ?)"
				      " ON CONFLICT DO NOTHING",
				      -1, &statement, NULL);

	for (int i = 0; i < 8; i++)
		bind_text(&code, statement, i + 1, texts[i]);
	bind_integer(&code, statement, 9, json_is_true(json_object_get(aa, "moved")));
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	sqlite3_finalize(statement);
	*added = code == SQLITE_DONE && sqlite3_changes(history->db) > 0;
	return code == SQLITE_DONE ? 0 : failed(history, code, err);
}

/* Records the host of a run that an earlier version added without it. */
static int add_host(struct sm_history *history, const struct sm_results *run, struct sm_error *err)
{
	const json_t *m = run->manifest;
	sqlite3_stmt *statement = NULL;
	int code =
		sqlite3_prepare_v2(history->db,
				   "UPDATE run SET host_id = nullif(?, '') WHERE name = ? AND started = ? AND seed = ?"
				   " AND host_id IS NULL",
				   -1, &statement, NULL);

	bind_text(&code, statement, 1, text_of(json_object_get(m, "identity"), "host"));
	bind_text(&code, statement, 2, base_name(run->folder));
	bind_text(&code, statement, 3, text_of(m, "started_utc"));
	bind_text(&code, statement, 4, text_of(m, "seed"));
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? 0 : failed(history, code, err);
}

static int insert_summaries(struct sm_history *history, const struct sm_results *run, struct sm_error *err)
{
	sqlite3_int64 id = sqlite3_last_insert_rowid(history->db);
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(history->db, "INSERT OR REPLACE INTO summary VALUES (?, ?, ?, ?, ?, ?, ?, ?)", -1,
				      &statement, NULL);

	if (code == SQLITE_OK)
		code = SQLITE_DONE;
	for (size_t i = 0; code == SQLITE_DONE && i < run->summary_count; i++) {
		const struct sm_summary_row *s = &run->summaries[i];

		if (!isfinite(s->value.estimate))
			continue;
		code = sqlite3_reset(statement);
		bind_integer(&code, statement, 1, id);
		bind_text(&code, statement, 2, run->cases[s->case_index].id);
		bind_text(&code, statement, 3, s->klass);
		bind_number(&code, statement, 4, s->value.estimate);
		bind_number(&code, statement, 5, s->value.low);
		bind_number(&code, statement, 6, s->value.high);
		bind_integer(&code, statement, 7, (sqlite3_int64)s->value.count);
		bind_text(&code, statement, 8, run->cases[s->case_index].unit);
		if (code == SQLITE_OK)
			code = sqlite3_step(statement);
	}
	sqlite3_finalize(statement);
	return code == SQLITE_DONE ? 0 : failed(history, code, err);
}

int sm_history_add(struct sm_history *history, const struct sm_results *run, bool *added, struct sm_error *err)
{
	int rc;

	*added = false;
	if (strcmp(text_of(run->manifest, "status"), "interrupted") == 0)
		return sm_fail(err, EINVAL, "%s is not complete: a run goes into the history once, when it has ended",
			       run->folder);
	if (run->summary_count == 0)
		return sm_fail(err, EINVAL, "%s has measured nothing that could be kept", run->folder);
	rc = execute(history, "BEGIN IMMEDIATE", err);
	if (rc < 0)
		return rc;
	rc = insert_run(history, run, added, err);
	if (rc == 0)
		rc = *added ? insert_summaries(history, run, err) : add_host(history, run, err);
	if (rc == 0)
		rc = execute(history, "COMMIT", err);
	if (rc < 0)
		(void)sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

static void take_text(sqlite3_stmt *statement, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);

	snprintf(out, size, "%s", text ? text : "");
}

static double take_number(sqlite3_stmt *statement, int column)
{
	return sqlite3_column_type(statement, column) == SQLITE_NULL ? (double)NAN
								     : sqlite3_column_double(statement, column);
}

static void take_point(struct sm_history_series *series, sqlite3_stmt *statement)
{
	struct sm_history_point *p;

	series->point = realloc(series->point, (series->count + 1) * sizeof(*series->point));
	if (!series->point)
		sm_no_memory(); /* the list needs a few hundred bytes per run */
	p = &series->point[series->count++];
	memset(p, 0, sizeof(*p));
	take_text(statement, 1, p->run, sizeof(p->run));
	take_text(statement, 2, p->started, sizeof(p->started));
	take_text(statement, 3, p->version, sizeof(p->version));
	take_text(statement, 4, p->klass, sizeof(p->klass));
	p->median = take_number(statement, 5);
	p->low = take_number(statement, 6);
	p->high = take_number(statement, 7);
	p->level = NAN;
	take_text(statement, 9, series->unit, sizeof(series->unit));
}

/* The trend covers the latest run's pair class, because times of different classes are not comparable. */
static void mark(struct sm_history_series *series)
{
	double *value = sm_memory(series->count * sizeof(*value)), *level = sm_memory(series->count * sizeof(*level));
	bool *step = sm_memory(series->count * sizeof(*step));
	size_t n = 0;

	for (size_t i = 0; i < series->count; i++) {
		struct sm_history_point *p = &series->point[i];

		p->same_class = p->median > 0 &&
				sm_same_class(sm_name_of(p->klass), sm_name_of(series->point[series->count - 1].klass));
		if (p->same_class)
			value[n++] = log(p->median);
	}
	series->drifts = sm_steps_find(value, n, step, level);
	n = 0;
	for (size_t i = 0; i < series->count; i++)
		if (series->point[i].same_class) {
			series->point[i].step = step[n];
			series->point[i].level = exp(level[n++]);
		}
	free(value);
	free(level);
	free(step);
}

int sm_history_machine(struct sm_history *history, bool same_type, struct sm_history_machine *out, struct sm_error *err)
{
	/* "IS" also finds those without a host where the latest run has none */
	static const char sql[] =
		"WITH latest AS (SELECT fingerprint, host_id FROM run ORDER BY started DESC, id DESC LIMIT 1)"
		" SELECT latest.fingerprint, latest.host_id,"
		" total(run.fingerprint IS latest.fingerprint AND run.host_id IS NOT NULL"
		"  AND run.host_id IS NOT latest.host_id),"
		" total(run.fingerprint IS latest.fingerprint AND run.host_id IS NULL AND latest.host_id IS NOT NULL),"
		" total(run.fingerprint IS NOT latest.fingerprint) FROM latest, run";
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(history->db, sql, -1, &statement, NULL);

	*out = (struct sm_history_machine){ .same_type = same_type };
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW) {
		take_text(statement, 0, out->type, sizeof(out->type));
		take_text(statement, 1, out->host, sizeof(out->host));
		out->other_hosts = same_type ? 0 : (unsigned)sqlite3_column_int(statement, 2);
		out->no_host = same_type ? 0 : (unsigned)sqlite3_column_int(statement, 3);
		out->other_types = (unsigned)sqlite3_column_int(statement, 4);
	}
	sqlite3_finalize(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : failed(history, code, err);
}

static int tell(struct sm_history_series *series,
		int (*each)(const struct sm_history_series *, void *, struct sm_error *), void *context,
		struct sm_error *err)
{
	int rc = 0;

	if (series->count > 0) {
		mark(series);
		rc = each(series, context, err);
	}
	series->count = 0;
	return rc;
}

int sm_history_each(struct sm_history *history, const char *glob, const struct sm_history_machine *machine,
		    int (*each)(const struct sm_history_series *series, void *context, struct sm_error *err),
		    void *context, struct sm_error *err)
{
	struct sm_history_series series = { 0 };
	sqlite3_stmt *statement = NULL;
	int code, rc = 0;

	snprintf(series.machine, sizeof(series.machine), "%s %s",
		 machine->same_type || !*machine->host ? "type" : "host",
		 machine->same_type || !*machine->host ? machine->type : machine->host);
	code = sqlite3_prepare_v2(
		history->db,
		"SELECT case_id, name, started, version, pair_class, median, low, high, n, unit FROM summary"
		" JOIN run ON run.id = summary.run WHERE fingerprint = ?1 AND (?2 IS NULL OR case_id GLOB ?2)"
		" AND (?3 OR ifnull(host_id, '') = ?4) ORDER BY case_id, started, run.id",
		-1, &statement, NULL);
	bind_text(&code, statement, 1, machine->type);
	bind_text(&code, statement, 2, glob);
	bind_integer(&code, statement, 3, machine->same_type);
	bind_text(&code, statement, 4, machine->host);
	while (code == SQLITE_OK || code == SQLITE_ROW) {
		char id[sizeof(series.id)];

		code = sqlite3_step(statement);
		if (code != SQLITE_ROW)
			break;
		take_text(statement, 0, id, sizeof(id));
		if (strcmp(id, series.id) != 0) {
			rc = tell(&series, each, context, err);
			snprintf(series.id, sizeof(series.id), "%s", id);
		}
		if (rc < 0)
			break;
		take_point(&series, statement);
	}
	if (rc == 0 && code != SQLITE_DONE)
		rc = failed(history, code, err);
	if (rc == 0)
		rc = tell(&series, each, context, err);
	sqlite3_finalize(statement);
	free(series.point);
	return rc;
}

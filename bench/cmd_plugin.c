/* shmeter plugin */
#include <errno.h>
#include <string.h>

#include "commands.h"
#include "plugin_actions.h"
#include "program.h"

/* The options that only one action takes. */
static int check_options(const struct plugin_options *options, const char *action, struct sm_error *err)
{
	const struct {
		const char *name, *action;
		bool given;
	} only[] = {
		{ "kind", "new", options->kind },           { "lang", "new", options->lang },
		{ "messages", "check", options->messages }, { "seconds", "check", options->check_ns },
		{ "json", "check", options->json },         { "source", "check", options->source },
	};

	for (size_t i = 0; i < sizeof(only) / sizeof(only[0]); i++)
		if (only[i].given && strcmp(only[i].action, action) != 0)
			return sm_fail(err, EINVAL, "`shmeter plugin %s` takes no --%s; `plugin %s` does", action,
				       only[i].name, only[i].action);
	if (options->out && strcmp(action, "check") == 0)
		return sm_fail(err, EINVAL,
			       "`shmeter plugin check` takes no --out; `plugin new` and `plugin build` do");
	return 0;
}

int cmd_plugin(const struct plugin_options *options)
{
	static const struct {
		const char *name;
		int (*act)(const struct plugin_options *options);
	} actions[] = { { "new", plugin_new }, { "build", plugin_build }, { "check", plugin_check } };
	const char *action = options->common.operands == 2 ? options->common.operand[0] : "";
	struct sm_error err = { 0 };

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(actions[i].name, action) == 0)
			return check_options(options, action, &err) < 0 ? complain(&err) : actions[i].act(options);
	sm_fail(&err, EINVAL, "`shmeter plugin` takes `new NAME`, `build DIR` or `check FILE.so`");
	return complain(&err);
}

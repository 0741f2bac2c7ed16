/* Every CPU model that this architecture's libpfm4 knows, forced once: a line for each event of lines in motion.
 * usage: models      exit 1 where one is neither resolved nor has the reason that libpfm4 lacks it */
#include "../every_model.h"

int main(void)
{
	struct models *models = models_of_libpfm4();
	unsigned wrong = 0;

	if (!models) {
		fprintf(stderr, "models: a process failed\n");
		return 6;
	}
	for (unsigned m = 0; m < models->count; m++)
		for (unsigned i = 0; i < LINE_NAMES; i++) {
			const struct model *model = &models->model[m];
			const struct sm_event *event = &model->event[i];
			bool right = model_has_or_says(model, event);

			printf("%s%s %s: %s\n", right ? "" : "WRONG: ", model->pmu, event->name,
			       event->state == SM_COUNTED ? event->fstr : event->reason);
			wrong += !right;
		}
	printf("%u models, %u wrong\n", models->count, wrong);
	return wrong || models->count < 5 ? 1 : 0;
}

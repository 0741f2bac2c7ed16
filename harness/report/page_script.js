// A figure's values beside the pointer, the nearest mark's: without a script their <title> says the same.
(() => {
	const reach = 18; // pixels
	const tip = document.createElement("div");
	tip.className = "tip";
	tip.hidden = true;
	document.body.append(tip);
	for (const title of document.querySelectorAll(".h > title")) {
		title.parentNode.dataset.value = title.textContent;
		title.remove();
	}
	const show = (event) => {
		let best = null;
		let nearest = reach;
		for (const mark of event.currentTarget.querySelectorAll(".h")) {
			const box = mark.getBoundingClientRect();
			const far = Math.hypot(box.x + box.width / 2 - event.clientX, box.y + box.height / 2 - event.clientY);
			if (far < nearest) {
				nearest = far;
				best = mark;
			}
		}
		tip.hidden = !best;
		if (best) {
			tip.textContent = best.dataset.value;
			tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 4)) + "px";
			tip.style.top = Math.max(4, event.clientY - tip.offsetHeight - 10) + "px";
		}
	};
	for (const figure of document.querySelectorAll(".fig svg")) {
		figure.addEventListener("pointermove", show);
		figure.addEventListener("pointerdown", show);
		figure.addEventListener("pointerleave", () => {
			tip.hidden = true;
		});
	}
})();

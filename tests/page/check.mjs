// Looks at a report.html as people do: in Chromium, at the width of a desk and of a phone, in light and in dark.
// usage: node check.mjs MODULES CHROMIUM PAGE [FOLDER FOR PICTURES]
// MODULES is a folder with node_modules.  Exit 1 with a line for each thing that is wrong.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, chromium, file, pictures] = process.argv.slice(2);
const require = createRequire(resolve(modules, "package.json"));
const puppeteer = require("puppeteer-core");
const { HtmlValidate } = require("html-validate");
const page_text = readFileSync(file, "utf8");
const STRIP = 4000; // px: Chromium takes no picture of a page that is much taller
let wrong = 0;
const fail = (text) => {
	console.log(`FAIL ${text}`);
	wrong++;
};

const validator = new HtmlValidate({
	extends: ["html-validate:standard"],
	rules: {
		"long-title": "off", // names the machine
		"prefer-native-element": "off", // a scrolling box is a region, not a section
		"no-redundant-role": "off",
	},
});
const report = await validator.validateString(page_text, file);
for (const result of report.results)
	for (const message of result.messages)
		if (message.severity >= 2)
			fail(`html ${message.line}:${message.column} ${message.ruleId}: ${message.message}`);

const seen = new Set();
for (const match of page_text.matchAll(/<[^>]*\sid=["']([^"']+)["']/g)) {
	if (seen.has(match[1])) fail(`id ${match[1]} stands twice`);
	seen.add(match[1]);
}
for (const match of page_text.matchAll(/href=["']#([^"']+)["']/g))
	if (!seen.has(match[1])) fail(`a link goes to #${match[1]}, which is nowhere`);

const browser = await puppeteer.launch({
	executablePath: chromium,
	headless: true,
	args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
const url = pathToFileURL(resolve(file)).href;
for (const script of [true, false])
	for (const width of [1280, 390])
		for (const scheme of ["light", "dark"]) {
			if (!script && scheme === "dark") continue;
			const where = `${width} px, ${scheme}${script ? "" : ", without script"}`;
			const page = await browser.newPage();
			page.on("pageerror", (error) => fail(`${where}: script: ${error.message}`));
			page.on("console", (message) => {
				if (message.type() === "error") fail(`${where}: console: ${message.text()}`);
			});
			page.on("request", (request) => {
				if (request.url() !== url && !request.url().startsWith("data:"))
					fail(`${where}: it asks for ${request.url()}`);
			});
			await page.setViewport({ width, height: 900, isMobile: width < 500, hasTouch: width < 500 });
			await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
			await page.setJavaScriptEnabled(script);
			await page.goto(url, { waitUntil: "load" });
			const height = pictures ? await page.evaluate(() => document.documentElement.scrollHeight) : 0;
			for (let y = 0; y < height; y += STRIP)
				await page.screenshot({
					path: `${pictures}/${width}-${scheme}${script ? "" : "-plain"}-${y / STRIP}.png`,
					clip: { x: 0, y, width, height: Math.min(STRIP, height - y) },
					captureBeyondViewport: true,
				});
			if (!script) {
				await page.close();
				continue;
			}
			const wide = await page.evaluate(() => {
				const root = document.documentElement;
				return { scroll: root.scrollWidth, client: root.clientWidth };
			});
			if (wide.scroll > wide.client || wide.client > width)
				fail(`${where}: the page is ${wide.scroll} px wide`);
			// Every verdict in every place where its colour meets a background, whatever this run found.
			await page.evaluate(() => {
				const names = ["supported", "refuted", "inconclusive", "not_testable"];
				const row = `<tr>${names.map((n) => `<td class="step ${n}">● ${n} <small>n</small>` +
					`<span class="badge ${n}">● ${n}</span></td>`).join("")}</tr>`;
				document.querySelector("main").insertAdjacentHTML("beforeend",
					`<table><tbody>${row}${row}</tbody></table>`);
			});
			await page.evaluate(readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
			const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
			for (const violation of violations)
				if (["serious", "critical"].includes(violation.impact))
					fail(`${where}: axe ${violation.id}: ${violation.help}: ` +
						violation.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | "));
			const hover = await page.evaluate(() => {
				const mark = document.querySelector(".h");
				if (!mark) return "none";
				const svg = mark.closest("svg");
				mark.scrollIntoView({ block: "center" });
				const box = mark.getBoundingClientRect();
				svg.dispatchEvent(new PointerEvent("pointermove", { clientX: box.x + 2, clientY: box.y + 2 }));
				return document.querySelector(".tip").textContent;
			});
			if (!hover) fail(`${where}: nothing stands beside the pointer on a mark`);
			await page.keyboard.press("Tab");
			const focused = await page.evaluate(() => document.activeElement.tagName);
			if (focused !== "A") fail(`${where}: the first Tab reaches ${focused}, not a link`);
			await page.close();
		}
await browser.close();
console.log(wrong ? `${wrong} things are wrong` : "the page is valid, reachable, of one width, quiet");
process.exit(wrong ? 1 : 0);

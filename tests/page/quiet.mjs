// Opens pages and pictures of a hostile folder in Chromium: nothing that they hold may run or be fetched.
// usage: node quiet.mjs MODULES CHROMIUM FILE...
// MODULES is a folder with node_modules.  What was planted sets the title to PWNED, asks for something, or opens a
// dialog.  Exit 1 with a line for each thing that is wrong.
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, chromium, ...files] = process.argv.slice(2);
const puppeteer = createRequire(resolve(modules, "package.json"))("puppeteer-core");
let wrong = 0;
const fail = (text) => {
	console.log(`FAIL ${text}`);
	wrong++;
};

const browser = await puppeteer.launch({
	executablePath: chromium,
	headless: true,
	args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
for (const file of files) {
	const url = pathToFileURL(resolve(file)).href;
	const page = await browser.newPage();
	page.on("dialog", async (dialog) => {
		fail(`${file}: a dialog: ${dialog.message()}`);
		await dialog.dismiss();
	});
	page.on("console", (message) => fail(`${file}: console: ${message.text()}`));
	page.on("pageerror", (error) => fail(`${file}: script: ${error.message}`));
	page.on("request", (request) => {
		if (request.url() !== url && !request.url().startsWith("data:")) fail(`${file}: it asks for ${request.url()}`);
	});
	await page.goto(url, { waitUntil: "load" });
	const found = await page.evaluate(async () => {
		// whatever waits for the pointer or the keyboard
		for (const element of document.querySelectorAll("*"))
			for (const kind of ["mouseover", "mousemove", "mouseout", "focus", "toggle"])
				element.dispatchEvent(new Event(kind, { bubbles: true }));
		await new Promise((done) => setTimeout(done, 50));
		const handlers = [...document.querySelectorAll("*")].filter((element) =>
			[...element.attributes].some((a) => /^on/i.test(a.name) || /^\s*javascript:/i.test(a.value)));
		return { title: document.title, scripts: document.scripts.length, handlers: handlers.length };
	});
	if (/^PWNED/.test(found.title)) fail(`${file}: a script ran`);
	if (file.endsWith(".html") && found.scripts !== 1) fail(`${file}: ${found.scripts} scripts, not one`);
	if (found.handlers) fail(`${file}: ${found.handlers} elements with handlers`);
	await page.close();
}
await browser.close();
console.log(wrong ? `${wrong} things are wrong` : `${files.length} files opened: no script ran, nothing was asked for`);
process.exit(wrong ? 1 : 0);

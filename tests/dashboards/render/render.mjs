// Draws dashboards in headless Chromium and tells what was drawn.
//
// Reads one job from standard input: {prometheus, chromium, shots: [{dashboard, png,
// from, to, scrape, width, height, variables}]}, writes what each shot drew as JSON to standard
// output. Everything is served from here, Prometheus proxied, so the page has one origin
// and reaches nothing else.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { chromium } from 'playwright-core';

const HERE = import.meta.dirname;
const ICONS = path.join(HERE, 'node_modules/@grafana/ui/dist/public');
const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const PAGE = `<!doctype html><link rel=stylesheet href=/out/main.css>
<body style="margin:0"><div id=root></div>
<script>window.grafanaBootData = { settings: {}, user: {}, navTree: [] };</script><script type=module src=/out/main.js></script>`;

const job = JSON.parse(fs.readFileSync(0, 'utf8'));
let shot;

async function answer(request) {
  const { pathname } = new URL(request.url, 'http://page');
  if (pathname === '/') {
    return { type: 'text/html', body: PAGE };
  }
  if (pathname === '/favicon.ico') {
    return { status: 204, type: 'image/x-icon', body: '' };
  }
  if (pathname === '/shot.json') {
    const dashboard = JSON.parse(fs.readFileSync(shot.dashboard, 'utf8'));
    return { type: 'application/json', body: JSON.stringify({ ...shot, dashboard }) };
  }
  if (pathname.startsWith('/prom/')) {
    const reply = await fetch(job.prometheus + request.url.slice('/prom'.length));
    return { status: reply.status, type: 'application/json', body: await reply.text() };
  }
  const icons = pathname.indexOf('/img/icons/');
  const file = icons >= 0 ? path.join(ICONS, pathname.slice(icons)) : path.join(HERE, pathname);
  const inside = file.startsWith(ICONS) || file.startsWith(path.join(HERE, 'out'));
  if (inside && fs.existsSync(file)) {
    return { type: TYPES[path.extname(file)] ?? 'application/octet-stream', body: fs.readFileSync(file) };
  }
  return { status: 404, type: 'text/plain', body: 'nothing here' };
}

async function take(page, origin) {
  const log = [];
  const listen = (message) => message.type() === 'error' && log.push(message.text().slice(0, 300));
  const fail = (error) => log.push(`page: ${(error.stack ?? error).slice(0, 900)}`);
  page.on('console', listen);
  page.on('pageerror', fail);
  await page.setViewportSize({ width: shot.width, height: shot.height });
  await page.goto(origin);
  let settled = true;
  await page.waitForFunction(() => window.drawn?.settled(), null, { timeout: 120_000, polling: 200 }).catch(() => {
    settled = false;
  });
  await page.screenshot({ path: shot.png });
  page.off('console', listen);
  page.off('pageerror', fail);
  return { settled, log: [...new Set(log)], ...(await page.evaluate(() => window.drawn.report())) };
}

const server = http.createServer((request, response) => {
  answer(request)
    .catch((error) => ({ status: 502, type: 'text/plain', body: String(error) }))
    .then(({ status = 200, type, body }) => response.writeHead(status, { 'content-type': type }).end(body));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${server.address().port}/`;
const browser = await chromium.launch({
  executablePath: job.chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
});
const page = await browser.newPage();
const results = [];
for (shot of job.shots) {
  results.push(await take(page, origin));
}
await browser.close();
server.closeAllConnections();
server.close();
process.stdout.write(JSON.stringify(results));

// Log in to Airflow's UI and photograph what the README shows: Gantt, graph, trigger form, the model card and a red gate.
const fs = require('fs');
const { chromium } = require('playwright-core');

const base = 'http://localhost:8080';
const password = JSON.parse(fs.readFileSync('var/users.json')).admin;
const dag = 'card_fraud_training';

async function main() {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
  const page = await browser.newPage({ viewport: { width: 1600, height: 900 } });
  await page.goto(base, { waitUntil: 'networkidle' });
  await page.waitForSelector('input[name=username]');
  await page.fill('input[name=username]', 'admin');
  await page.fill('input[name=password]', password);
  await page.click('button[type=submit]');
  await page.waitForURL((url) => !String(url).includes('login'));

  const runs = await (await page.request.get(`${base}/api/v2/dags/${dag}/dagRuns?order_by=-run_after&limit=1`)).json();
  const run = encodeURIComponent(runs.dag_runs[0].dag_run_id);
  fs.mkdirSync('docs/images', { recursive: true });
  const shoot = (name, clip) => page.screenshot({ path: `docs/images/${name}.png`, clip });

  await page.goto(`${base}/dags/${dag}/runs/${run}`, { waitUntil: 'networkidle' });
  await page.locator("[aria-label='Collapse Details Panel']").first().click();
  await page.locator("[aria-label='Show Gantt']").first().click();
  await page.waitForTimeout(2500);
  // Without the bar above the chart: `airflow dags test` starts a run's clock at its logical date, months ago.
  await shoot('gantt', { x: 64, y: 228, width: 1536, height: 392 });
  // A chain of eighteen tasks is a thin line: a wide window keeps its words readable.
  await page.setViewportSize({ width: 2600, height: 420 });
  await page.addStyleTag({ content: '.react-flow__minimap, .react-flow__controls { display: none }' });
  await page.locator("[aria-label^='Show Graph']").first().click();
  await page.waitForTimeout(4000);
  await shoot('graph', { x: 76, y: 150, width: 2460, height: 170 });
  await page.setViewportSize({ width: 1600, height: 900 });
  await page.goto(`${base}/dags/card_fraud_scoring`, { waitUntil: 'networkidle' });
  await page.locator("[aria-label='Trigger Dag']").first().click();
  await page.waitForTimeout(2500);
  await shoot('trigger');
  await page.setViewportSize({ width: 1200, height: 900 });
  const trained = runs.dag_runs[0].logical_date.slice(0, 10);
  await page.goto(`file://${process.cwd()}/data/card_fraud/training/${trained}/reports/evaluate.html`);
  await shoot('card');
  // The demo's poisoned night, the eighth after the training.
  const poisoned = new Date(Date.parse(trained) + 8 * 24 * 3600 * 1000).toISOString().slice(0, 10);
  await page.goto(`file://${process.cwd()}/data/card_fraud/scoring/${poisoned}/reports/gate_raw.html`);
  await shoot('gate');
  await browser.close();
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});

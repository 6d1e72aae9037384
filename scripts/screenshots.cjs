// Log in to Airflow's UI and photograph what the README shows: graph, Gantt, trigger form and a report.
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
  const shoot = (name) => page.screenshot({ path: `docs/images/${name}.png` });

  await page.goto(`${base}/dags/${dag}/runs/${run}`, { waitUntil: 'networkidle' });
  await page.locator("[aria-label='Collapse Details Panel']").first().click().catch(() => {});
  await page.locator("[aria-label='Show Gantt']").first().click();
  await page.waitForTimeout(2500);
  await shoot('gantt');
  await page.locator("[aria-label='Show Graph']").first().click();
  await page.waitForTimeout(3000);
  await shoot('graph');
  await page.goto(`${base}/dags/${dag}/runs/${run}/tasks/evaluate/plugin/report`, { waitUntil: 'networkidle' });
  await page.waitForTimeout(2500);
  await shoot('report');
  await browser.close();
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});

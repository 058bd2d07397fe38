/**
 * A real browser: Chromium from the system's packages, driven by
 * playwright-core, which is installed with what builds the site.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Defer, startProgram } from '../../tools/harness/programs';
import { waitFor } from '../../tools/harness/wait';

/** Where the configuration is, with packages of its own. */
export const SITE = 'docs/.vitepress';
const CHROMIUM = '/usr/bin/chromium';

/** What we use of playwright's types: the package may not be there. */
export interface Page {
  goto(address: string): Promise<unknown>;
  url(): string;
  click(selector: string): Promise<void>;
  hover(selector: string): Promise<void>;
  textContent(selector: string): Promise<string | null>;
  waitForSelector(selector: string): Promise<unknown>;
  waitForURL(address: string | RegExp): Promise<void>;
  evaluate<T>(script: string): Promise<T>;
  emulateMedia(media: { colorScheme: 'light' | 'dark' }): Promise<void>;
  setViewportSize(size: { width: number; height: number }): Promise<void>;
  keyboard: {
    press(key: string): Promise<void>;
    type(text: string): Promise<void>;
  };
  on(event: 'console', listener: (message: Message) => void): void;
  on(event: 'pageerror', listener: (error: Error) => void): void;
  on(event: 'request', listener: (request: { url(): string }) => void): void;
}

interface Message {
  type(): string;
  text(): string;
}

interface Playwright {
  chromium: {
    connectOverCDP(address: string): Promise<{
      newContext(options: { permissions: string[] }): Promise<{
        newPage(): Promise<Page>;
      }>;
      close(): Promise<void>;
    }>;
  };
}

/** What has to be installed before a browser can look at the site, if any. */
export function whatIsLacking(): string | null {
  if (!existsSync(join(SITE, 'node_modules/playwright-core'))) {
    return `the site is not tested: npm ci --prefix ${SITE}`;
  }
  if (!existsSync(CHROMIUM)) {
    return 'the site is not tested: apt-get install chromium';
  }
  return null;
}

/** Starts Chromium and opens a page. It is gone when the caller is done. */
export async function openBrowser(defer: Defer): Promise<Page> {
  const folder = mkdtempSync(join(tmpdir(), 'chromium-'));
  defer(() => rmSync(folder, { recursive: true, force: true }));
  const chromium = startProgram(
    [
      CHROMIUM,
      '--headless',
      '--remote-debugging-port=0',
      `--user-data-dir=${folder}`,
      '--no-first-run',
      '--disable-background-networking',
      // A page that one has left is gone, and listens to nothing any more.
      '--disable-features=BackForwardCache',
      '--disable-dev-shm-usage',
      '--disable-gpu',
      // Its sandbox is not for root. The pages are our own.
      '--no-sandbox',
    ],
    defer,
  );
  const address = await waitFor('Chromium listens', () => {
    if (chromium.exit()) throw new Error(chromium.output());
    return /DevTools listening on (ws:\S+)/.exec(chromium.output())?.[1];
  });
  const browser =
    await load('playwright-core').chromium.connectOverCDP(address);
  defer(() => browser.close());
  const context = await browser.newContext({
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  return context.newPage();
}

function load(name: 'playwright-core'): Playwright {
  return createRequire(resolve(SITE, 'package.json'))(name);
}

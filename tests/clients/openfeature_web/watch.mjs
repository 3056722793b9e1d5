// A page's way with flags: ask for all at once, poll, and hear of changes. Prints a line of JSON at each step.

import { OpenFeature, ProviderEvents } from "@openfeature/web-sdk";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";

const { BASE_URL, TOKEN, FLAG, INSTANCE } = process.env;
const WITHIN_MS = 30_000;

const statuses = [];
const tell = (step) => console.log(JSON.stringify(step));
const told = (wanted) => new Promise((resolve) => OpenFeature.addHandler(wanted, resolve));

const fetchCounted = async (...request) => {
  const answer = await fetch(...request);
  statuses.push(answer.status);
  return answer;
};

async function firstNotModified() {
  while (!statuses.includes(304)) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function main() {
  const headers = [["Authorization", `Bearer ${TOKEN}`]];
  const options = { baseUrl: BASE_URL, headers, pollInterval: 100, disableVisibilityRefresh: true };
  const provider = new OFREPWebProvider({ ...options, fetchImplementation: fetchCounted });
  await OpenFeature.setProviderAndWait(provider, { targetingKey: "user-1", tenantSlug: INSTANCE });
  const flags = OpenFeature.getClient();
  const { value, variant, reason, flagMetadata } = flags.getBooleanDetails(FLAG, false);
  tell({ value, variant, reason, flagMetadata, unknown: flags.getStringDetails("nowhere", "mine").errorCode });
  await firstNotModified();
  tell({ statuses: [...new Set(statuses)] });
  const change = await told(ProviderEvents.ConfigurationChanged);
  tell({ changed: change.flagsChanged, value: flags.getBooleanValue(FLAG, true) });
  await OpenFeature.setContext({ targetingKey: "user-1", tenantSlug: INSTANCE, region: "eu" });
  tell({ value: flags.getBooleanValue(FLAG, false) });
  await OpenFeature.close();
}

setTimeout(() => process.exit(1), WITHIN_MS).unref();
await main();
process.exit(0);

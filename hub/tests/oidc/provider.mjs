// A provider of identities for one test: `node provider.mjs TOOLS CERTIFICATE KEY REDIRECT`. Prints its issuer once it listens. Whoever signs in is
// whoever they say; consent is asked for, as a real one would.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [tools, certificate, key, redirect] = process.argv.slice(2);
const found = createRequire(pathToFileURL(join(tools, "package.json"))).resolve("oidc-provider");
const { default: Provider } = await import(pathToFileURL(found));

const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) });
server.listen(0, "127.0.0.1", () => {
  const issuer = `https://localhost:${server.address().port}`;
  const provider = new Provider(issuer, {
    // What has to be encoded before it is sent is in its secret.
    clients: [{ client_id: "suture", client_secret: "asecret:100%/+&=~", redirect_uris: [redirect] }],
    cookies: { keys: ["of one test"] },
    pkce: { required: () => true },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});

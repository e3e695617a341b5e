// An OAuth server that knows nothing of ours, at the addresses where Entra has its own: node-oidc-provider, which is certified for
// OpenID Connect. It demands PKCE, gives a new refresh token at each use, and ends the whole grant when one is used twice.
//
//   node server.mjs '{"now": "2026-03-02T10:00:00Z", "client": {...}, "person": {...}, "scopes": [...], "refresh_token_seconds": 86400}'
//
// It prints {"port": N} when it listens, shows the time it is given at its start and by `PUT /clock`, and ends with its standard input.
// Whoever comes to the sign-in page is signed in as the one person there is, and accepts.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider, { interactionPolicy } from 'oidc-provider';
import MemoryAdapter from 'oidc-provider/lib/adapters/memory_adapter.js';

const { now, client, person, scopes, refresh_token_seconds } = JSON.parse(process.argv[2]);

let time = Date.parse(now);
Date.now = () => time;

const policy = interactionPolicy.base();
policy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0);

const configuration = {
  // A class of its own says that forgetting everything is meant.
  adapter: class extends MemoryAdapter {},
  clients: [{ ...client, grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'client_secret_post' }],
  scopes,
  claims: { openid: ['sub', 'tid', 'oid'], profile: ['preferred_username'] },
  // Entra puts what it tells of a person into the id_token.
  conformIdTokenClaims: false,
  findAccount: () => ({ accountId: person.oid, claims: () => ({ sub: person.oid, ...person }) }),
  pkce: { required: () => true },
  rotateRefreshToken: true,
  features: { devInteractions: { enabled: false }, claimsParameter: { enabled: true } },
  interactions: { policy, url: (_, interaction) => `/sign-in/${interaction.uid}` },
  routes: {
    authorization: `/${person.tid}/oauth2/v2.0/authorize`,
    token: `/${person.tid}/oauth2/v2.0/token`,
    jwks: '/common/discovery/v2.0/keys',
  },
  ttl: {
    AccessToken: 3600,
    Grant: 30 * refresh_token_seconds,
    IdToken: 3600,
    Interaction: 600,
    RefreshToken: refresh_token_seconds,
    Session: 3600,
  },
  cookies: { keys: ['of a server that lives for one test'] },
  jwks: { keys: [signingKey()] },
};

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), alg: 'RS256', kid: 'one', use: 'sig' };
}

/** The sign-in page: the person signs in and accepts everything that is asked for. */
async function signIn(provider, request, response) {
  const { params } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: person.oid, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const consent = { grantId: await grant.save() };
  await provider.interactionFinished(request, response, { select_account: {}, login: { accountId: person.oid }, consent });
}

/** What Entra understands and a strict server does not. */
function translate(url) {
  // The tenant may be left open until somebody signs in.
  url.pathname = url.pathname.replace(/^\/organizations\//, `/${person.tid}/`);
  // Entra gives a refresh token to whoever asks for offline_access; OpenID Connect Core 1.0 section 11 wants prompt=consent as well.
  if (url.pathname === configuration.routes.authorization) {
    url.searchParams.set('prompt', [url.searchParams.get('prompt'), 'consent'].filter(Boolean).join(' '));
  }
  return url.pathname + url.search;
}

async function setClock(request, response) {
  const parts = [];
  for await (const part of request) parts.push(part);
  time = Date.parse(Buffer.concat(parts).toString());
  response.writeHead(204).end();
}

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const origin = `http://127.0.0.1:${port}`;
  const provider = new Provider(`${origin}/${person.tid}/v2.0`, configuration);
  provider.on('server_error', (_, error) => console.error(error));
  const serve = provider.callback();
  server.on('request', (request, response) => {
    const url = new URL(request.url, origin);
    if (url.pathname === '/clock') return setClock(request, response);
    if (url.pathname.startsWith('/sign-in/')) return signIn(provider, request, response);
    request.url = translate(url);
    return serve(request, response);
  });
  console.log(JSON.stringify({ port }));
});

process.stdin.resume().on('end', () => process.exit());

// verify.mjs - a second, independent reader of tasuki/1 (docs/PROTOCOL.md), in Node.js with nothing but node:crypto.
//
//   node verify.mjs [FOLDER]
//
// From keys.json, item.json, grant.json and wraps.json it re-derives the holder from card and PIN, verifies the
// signatures of referral, item and grant, opens the item with the card's key and again with the recipient's key
// through the grant's wrap, and compares. Any difference ends with exit status 1.
import { createHash, createHmac, createPrivateKey, createPublicKey, createDecipheriv, diffieHellman,
         scryptSync, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';

const folder = process.argv[2] ?? dirname(fileURLToPath(import.meta.url));
const load = (name) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
const bin = (hex) => Buffer.from(hex, 'hex');
const ascii = (s) => Buffer.from(s, 'ascii');
const cat = (...parts) => Buffer.concat(parts);
const H = (...parts) => createHash('sha256').update(cat(...parts)).digest();

// ---- strict deterministic CBOR, the part that these records use ----
function decode(buf) {
  let at = 0;
  function head() {
    const first = buf[at++], major = first >> 5, low = first & 31;
    if (low < 24) return [major, low];
    const size = { 24: 1, 25: 2, 26: 4, 27: 8 }[low];
    assert.ok(size && at + size <= buf.length, 'length');
    const n = Number(size === 8 ? buf.readBigUInt64BE(at) : buf.readUIntBE(at, size));
    at += size;
    assert.ok(n >= { 1: 24, 2: 0x100, 4: 0x10000, 8: 0x100000000 }[size], 'shortest head');
    return [major, n];
  }
  function item() {
    const [major, n] = head();
    if (major === 0) return n;
    if (major === 1) return -1 - n;
    if (major === 2 || major === 3) {
      assert.ok(at + n <= buf.length, 'truncated');
      const bytes = buf.subarray(at, at += n);
      return major === 2 ? bytes : new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    }
    if (major === 4) return Array.from({ length: n }, item);
    if (major === 6) { assert.equal(n, 18); return { tag: n, value: item() }; }
    assert.equal(major, 5, 'no other types');
    const map = new Map();
    let last = null;
    for (let i = 0; i < n; i++) {
      const from = at, key = item(), bytes = buf.subarray(from, at);
      assert.ok(last === null || Buffer.compare(last, bytes) < 0, 'sorted unique keys');
      last = bytes;
      map.set(key, item());
    }
    return map;
  }
  const value = item();
  assert.equal(at, buf.length, 'trailing bytes');
  return value;
}
function encHead(major, n) {
  if (n < 24) return Buffer.from([major << 5 | n]);
  if (n < 0x100) return Buffer.from([major << 5 | 24, n]);
  if (n < 0x10000) return Buffer.from([major << 5 | 25, n >> 8, n & 255]);
  const b = Buffer.alloc(5); b[0] = major << 5 | 26; b.writeUInt32BE(n, 1); return b;
}
const encBytes = (b) => cat(encHead(2, b.length), b);
const encText = (s) => cat(encHead(3, Buffer.byteLength(s)), Buffer.from(s));

// ---- section 2: COSE_Sign1 in the one profile ----
const edPublic = (x) => createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: x.toString('base64url') }, format: 'jwk' });
const thumbprint = (x) => H(bin('a3010120062158' + '20'), x);
function openRecord(bytes, typ, pk, net) {
  const { tag, value: [prot, unprot, payload, sig] } = decode(bytes);
  assert.equal(tag, 18);
  assert.equal(unprot.size, 0);
  const wanted = cat(encHead(5, 3), bin('01'), encHead(1, 18), bin('04'), encBytes(thumbprint(pk)), bin('10'), encText(typ));
  assert.deepEqual(prot, wanted, 'protected header');
  const tbs = cat(encHead(4, 4), encText('Signature1'), encBytes(prot), encBytes(cat(ascii('tasuki/1'), net)), encBytes(payload));
  assert.ok(verify(null, tbs, edPublic(pk), sig), `${typ}: signature`);
  const flipped = Buffer.from(sig); flipped[0] ^= 1;
  assert.ok(!verify(null, tbs, edPublic(pk), flipped), `${typ}: a changed signature must not verify`);
  return { map: decode(payload), id32: H(tbs) };
}

// ---- RFC 5869, RFC 9180 base mode, single shot ----
const extract = (salt, ikm) => createHmac('sha256', salt.length ? salt : Buffer.alloc(32)).update(ikm).digest();
function expand(prk, info, n) {
  let t = Buffer.alloc(0), out = Buffer.alloc(0);
  for (let i = 1; out.length < n; i++) out = cat(out, t = createHmac('sha256', prk).update(cat(t, info, Buffer.from([i]))).digest());
  return out.subarray(0, n);
}
const hkdf = (salt, ikm, info, n = 32) => expand(extract(salt, ikm), info, n);
const u16 = (n) => Buffer.from([n >> 8, n & 255]);
const kemSuite = cat(ascii('KEM'), u16(0x20)), hpkeSuite = cat(ascii('HPKE'), u16(0x20), u16(1), u16(2));
const lExtract = (suite, salt, label, ikm) => extract(salt, cat(ascii('HPKE-v1'), suite, ascii(label), ikm));
const lExpand = (suite, prk, label, info, n) => expand(prk, cat(u16(n), ascii('HPKE-v1'), suite, ascii(label), info), n);
const pkcs8 = (oid, sk) => createPrivateKey({ key: cat(bin('302e020100300506032b65' + oid + '04220420'), sk), format: 'der', type: 'pkcs8' });
const xPublic = (x) => createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: x.toString('base64url') }, format: 'jwk' });
const publicOf = (key) => Buffer.from(createPublicKey(key).export({ format: 'jwk' }).x, 'base64url');
function hpkeOpen(sk, enc, info, aad, ct) {
  const key = pkcs8('6e', sk), dh = diffieHellman({ privateKey: key, publicKey: xPublic(enc) });
  const eae = lExtract(kemSuite, Buffer.alloc(0), 'eae_prk', dh);
  const shared = lExpand(kemSuite, eae, 'shared_secret', cat(enc, publicOf(key)), 32);
  const context = cat(Buffer.from([0]), lExtract(hpkeSuite, Buffer.alloc(0), 'psk_id_hash', Buffer.alloc(0)),
                      lExtract(hpkeSuite, Buffer.alloc(0), 'info_hash', info));
  const secret = lExtract(hpkeSuite, shared, 'secret', Buffer.alloc(0));
  return gcm(lExpand(hpkeSuite, secret, 'key', context, 32), lExpand(hpkeSuite, secret, 'base_nonce', context, 12), aad, ct);
}
function gcm(key, nonce, aad, ct) {
  const d = createDecipheriv('aes-256-gcm', key, nonce);
  d.setAAD(aad);
  d.setAuthTag(ct.subarray(-16));
  return cat(d.update(ct.subarray(0, -16)), d.final());
}

// ---- section 3: from card and PIN to the holder ----
const keys = load('keys.json'), itemFile = load('item.json'), grantFile = load('grant.json'), wrapsFile = load('wraps.json');
const net = bin(keys.net), S = ascii('tasuki/1 card');
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const base32 = (b) => {
  const bits = [...b].map((x) => x.toString(2).padStart(8, '0')).join('');
  return bits.match(/.{1,5}/g).map((five) => alphabet[parseInt(five.padEnd(5, '0'), 2)]).join('');
};
const cs = bin(keys.card_secret);
const check = base32(H(ascii('tasuki/1 card check'), cs)).slice(0, 4);
assert.equal(keys.card, 'TSK1:' + base32(cs) + check);
const label = (text, ...more) => cat(ascii(text), ...more);
assert.deepEqual(hkdf(S, cs, label('tasuki/1 handle', ascii(keys.partner))).subarray(0, 16), bin(keys.card_id));
const pinSalt = hkdf(S, cs, label('tasuki/1 pin salt')).subarray(0, 16);
const p = scryptSync(keys.pin, pinSalt, 32, { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 });
const root = hkdf(S, cat(cs, p), label('tasuki/1 root'));
assert.deepEqual(root, bin(keys.card_root));
const tweak = bin(keys.tweak);
const holderKey = pkcs8('70', hkdf(S, root, label('tasuki/1 sign', tweak)));
const holderPk = publicOf(holderKey);
assert.deepEqual(holderPk, bin(keys.holder_sign_pk));
assert.deepEqual(thumbprint(holderPk), bin(keys.holder_kid));
const kemIkm = hkdf(S, root, label('tasuki/1 kem', Buffer.from([1]), tweak));
const kemSk = lExpand(kemSuite, lExtract(kemSuite, Buffer.alloc(0), 'dkp_prk', kemIkm), 'sk', Buffer.alloc(0), 32);
assert.deepEqual(publicOf(pkcs8('6e', kemSk)), bin(keys.holder_kem_pk));

// ---- sections 4 and 5: the item by the card's key ----
const nodePk = bin(keys.node_sign_pk);
const referral = openRecord(bin(itemFile.referral), 'tasuki-referral', nodePk, net);
assert.deepEqual(referral.id32, bin(itemFile.referral_id32));
const item = openRecord(bin(itemFile.item), 'tasuki-item', nodePk, net);
assert.deepEqual(item.id32, bin(itemFile.item_id32));
const coreBytes = item.map.get(1), core = H(coreBytes), coreMap = decode(coreBytes);
assert.deepEqual(coreMap.get(3), referral.id32);
assert.deepEqual(coreMap.get(5), [bin(keys.holder_kid)]);
const ct = bin(itemFile.ct);
assert.deepEqual(item.map.get(2), H(ct));
const [wrapHolder, s1Commit, enc, wrapped] = item.map.get(5)[0];
const info = (text) => cat(ascii(text), net);
const s1 = hpkeOpen(kemSk, enc, info('tasuki/1 wrap-holder'), cat(core, wrapHolder), wrapped);
assert.deepEqual(s1, bin(itemFile.s1));
assert.deepEqual(s1Commit, H(ascii('tasuki/1 s1c'), core, s1));
function openItem(part) {
  const ck = hkdf(ascii('tasuki/1 ck'), cat(part, Buffer.alloc(32)), core);
  assert.deepEqual(item.map.get(4), hkdf(ascii('tasuki/1 ckc'), ck, core), 'ck_commit');
  const padded = gcm(ck, Buffer.alloc(12), core, ct);
  const n = padded.readUInt32BE(0);
  assert.ok(padded.subarray(4 + n).every((b) => b === 0), 'padding');
  return padded.subarray(4, 4 + n);
}
assert.deepEqual(openItem(s1), bin(itemFile.content));

// ---- the grant, and the item by the recipient's key ----
const grant = openRecord(bin(grantFile.grant), 'tasuki-grant', holderPk, net);
assert.deepEqual(grant.id32, bin(grantFile.grant_id32));
assert.deepEqual(grant.map.get(12), [[item.id32, 'C1']]);
assert.deepEqual(grant.map.get(19), referral.id32);
assert.deepEqual(grant.map.get(20), H(bin(wrapsFile.wraps)), 'the grant binds these wraps');
const code = hkdf(S, root, label('tasuki/1 wd', grant.map.get(2))).subarray(0, 16);
assert.deepEqual(grant.map.get(15), H(ascii('tasuki/1 wdh'), grant.map.get(2), code));
assert.equal(base32(code).match(/.{1,4}/g).join('-'), grantFile.withdrawal_code);
const [, id8, enc2, wrapped2] = decode(bin(wrapsFile.wraps)).get(3)[0];
assert.deepEqual(id8, H(bin(keys.agency_seal_pk)).subarray(0, 8));
const aad = cat(grant.map.get(2), bin(keys.holder_kid), item.id32, bin(keys.agency_kid));
const again = hpkeOpen(bin(keys.agency_seal_sk), enc2, info('tasuki/1 wrap-recipient'), aad, wrapped2);
assert.deepEqual(openItem(again), bin(itemFile.content));
const elsewhere = Buffer.from(aad); elsewhere[aad.length - 1] ^= 1;
assert.throws(() => hpkeOpen(bin(keys.agency_seal_sk), enc2, info('tasuki/1 wrap-recipient'), elsewhere, wrapped2), 'another recipient');

const content = decode(openItem(again));
console.log(`verify.mjs: card, 3 signatures, item by card and by recipient: ok (${[...content.keys()].join(', ')})`);

/** Takes secrets out of text before it reaches the log, the model or an error: by value, and by the look of a key. */
import { Buffer } from "node:buffer";

/** What stands in the place of a secret. */
export const REDACTED = "[redacted]";

const SECRET_NAME = /KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL/i;
const NOT_SECRET_NAME = /(?:PATH|FILE|DIR|SOCK)$/i;

/** Each starts with a fixed text and every scan that can fail is bounded, so that the time stays linear; the first group is kept. */
const PATTERNS: RegExp[] = [
  /(?<![A-Za-z0-9])sk-(?=[A-Za-z_-]{0,200}\d)[A-Za-z0-9_-]{20,}/g,
  /(?<![A-Za-z0-9_])gh[pousr]_[A-Za-z0-9]{20,}/g,
  /(?<![A-Za-z0-9_])github_pat_[A-Za-z0-9_]{20,}/g,
  /(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])/g,
  /(?<![A-Za-z0-9])xox[a-z]-[A-Za-z0-9-]{10,}/g,
  /(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}/g,
  /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?/g,
  /-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY-----(?:[A-Za-z0-9+/=\s\\"',:]|-(?!----)){0,20000}(?:-----END [A-Z0-9 ]{0,30}-----)?/g,
  /\b(Bearer\s{1,4})(?=[A-Za-z._~+/=-]{0,200}\d)[A-Za-z0-9._~+/=-]{12,}/gi,
  /\b(Authorization["'\\]{0,4}\s{0,4}[:=]\s{0,4}["'\\]{0,4}(?:Basic|Token)\s{1,4})[A-Za-z0-9._~+/=-]{8,}/gi,
  /(:\/\/[^\s:@/"'\\]{0,100}:)[^\s@/"'\\]{1,300}(?=@)/g,
  /([?&](?:api[_-]?key|key|token|(?:access|auth|id|refresh)[_-]token|secret|client[_-]secret|password|sig|signature)=)[^&\s"'#<>\\]{6,}/gi,
];

/** Every text that one of them changes has this; most have not, and cost one look. */
const LIKELY = /sk-|gh[pousr]_|github_pat_|A[KS]IA|xox|AIza|eyJ|-----BEGIN|bearer|authorization|:\/\/|[?&]\w/i;

/**
 * Creates the function that redacts: values of at least 8 characters of environment names that look secret, the given extra
 * values (raw, JSON-escaped, URL-encoded, base64), and known key patterns. Redacting twice changes nothing more.
 */
export function createRedactor(env: Record<string, string>, extra: string[] = []): (text: string) => string {
  const named = Object.entries(env).filter(([name]) => SECRET_NAME.test(name) && !NOT_SECRET_NAME.test(name));
  const values = [...named.map(([, value]) => value), ...extra].map((value) => value.trim());
  const forms = new Set(values.filter((value) => value.length >= 8 && value !== REDACTED).flatMap(formsOf));
  const longestFirst = [...forms].sort((a, b) => b.length - a.length).map((form) =>
    form.replace(/[.*+?^${}()|[\]\\\/]/g, "\\$&")
  );
  const known = longestFirst.length > 0 ? new RegExp(longestFirst.join("|"), "g") : undefined;
  return (text) => {
    const cleaned = known ? text.replace(known, REDACTED) : text;
    if (!LIKELY.test(cleaned)) return cleaned;
    const put = (_: string, kept: string | number) => typeof kept === "string" ? kept + REDACTED : REDACTED;
    return PATTERNS.reduce((rest, pattern) => rest.replace(pattern, put), cleaned);
  };
}

function formsOf(value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1);
  const twice = JSON.stringify(json).slice(1, -1);
  const url = encodeURIComponent(value.toWellFormed());
  return [value, json, twice, url, url.replace(/%20/g, "+"), ...base64Forms(value)];
}

/** A value inside a longer base64 text looks different at each of three alignments; the characters it shares with neighbours are left out. */
function base64Forms(value: string): string[] {
  return [0, 1, 2].flatMap((shift) => {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(value)]);
    const text = bytes.toString("base64").slice(Math.ceil(shift * 8 / 6), Math.floor(bytes.length * 8 / 6));
    return [text, text.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

/** Where held-out seeds come from: a secret that stays in the directory's store, and the number of looks so far. */
import { createHmac, randomBytes } from "node:crypto";

/** Looks at one held-out set, before it is replaced by another. */
export const LOOKS_PER_SEED = 32;

/** Makes the secret of one function in one directory: 32 hex digits, to be stored and never shown. */
export function newSecret(): string {
  return randomBytes(16).toString("hex");
}

/**
 * The held-out seed for the next look after `looks` of them: the same for LOOKS_PER_SEED looks, then another. Without the
 * secret it cannot be told, and it never equals a training seed below 2^32.
 */
export function heldOutSeed(secret: string, looks: number): number {
  const turn = Math.floor(looks / LOOKS_PER_SEED);
  const digest = createHmac("sha256", secret).update(`held-out ${turn}`).digest();
  return 2 ** 32 + digest.readUIntBE(0, 6);
}

/** Keys of the advisory locks. They are arbitrary, but must differ and stay the same in every version. */
export const locks = { migration: 7_027_113_395, cleanup: 7_027_113_396, firstAdmin: 7_027_113_397 } as const

/* How much a place of a page counts in a search: lessons first, then words and names. */
const LESSON = /^lessons\//;
const Scorer = {
  score: ([docname, title, anchor, descr, score, filename, kind]) => {
    const exact = kind === "object" || kind === "index";
    if (LESSON.test(docname)) return score + (anchor ? 4 : 12);
    if (/^(claims|grader|course|guides\/)/.test(docname)) return score + 4;
    return score - (/^api\//.test(docname) && !exact ? 4 : 0);
  },
  objNameMatch: 20,
  objPartialMatch: 4,
  objPrio: { 0: 5, 1: 3, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* The matcher of last resort: all ways through the pattern are walked at once, one character of the text after another, so time is the
 * text's length times the program's at most, whatever the pattern (Thompson's construction; RE2's NFA does the same). It only says yes or
 * no. PCRE2's own pcre2_dfa_match cannot serve: it keeps a counter in the states of x+ and starts anew at every place of the text, so
 * (a+)+$ takes it the square of the text's length in both memory and time. */
#include "regex.h"

#include "harrier/base/memory.h"
#include "harrier/base/utf8.h"
#include "harrier/base/vector.h"

#include <stdlib.h>

enum opcode {
    OP_CHARACTER, /* from low to high */
    OP_CLASS,     /* in class `target` */
    OP_SPLIT,     /* goes on at the next instruction and at target */
    OP_JUMP,
    OP_ASSERT,    /* enum regex_kind in low */
    OP_MATCH
};

struct instruction {
    enum opcode opcode;
    uint32_t target;
    uint32_t low;
    uint32_t high;
};

struct program_class {
    uint64_t ascii[2]; /* a bit for each character below 0x80 */
    struct regex_class set; /* its ranges belong to the program */
};

struct regex_program {
    VECTOR(struct instruction) code;
    VECTOR(struct program_class) classes;
    uint64_t first[2];   /* ASCII characters a match can begin with */
    bool can_skip;       /* nothing but `first`, or a character above ASCII, can begin a match */
    bool is_anchored;    /* only the text's beginning can begin a match */
    bool too_large;
};

/* --- writing it -------------------------------------------------------------------------------------------------------------- */

static size_t emit(struct regex_program *program, struct instruction instruction)
{
    if (program->code.count >= REGEX_LARGEST_PROGRAM) {
        program->too_large = true;
        return 0;
    }
    VECTOR_PUSH(&program->code, instruction);
    return program->code.count - 1;
}

static void aim(struct regex_program *program, size_t at)
{
    program->code.items[at].target = (uint32_t)program->code.count;
}

static void emit_class(struct regex_program *program, const struct regex_class *set)
{
    struct program_class class = {.set = {.count = set->count, .capacity = set->count}};

    if (set->count == 1) {
        emit(program, (struct instruction){.opcode = OP_CHARACTER, .low = set->ranges[0].low, .high = set->ranges[0].high});
        return;
    }
    class.set.ranges = xcalloc(set->count + 1, sizeof *class.set.ranges);
    if (set->count)
        memcpy(class.set.ranges, set->ranges, set->count * sizeof *set->ranges);
    for (uint32_t character = 0; character < 0x80; character++) {
        if (regex_class_has(set, character))
            class.ascii[character / 64] |= UINT64_C(1) << character % 64;
    }
    VECTOR_PUSH(&program->classes, class);
    emit(program, (struct instruction){.opcode = OP_CLASS, .target = (uint32_t)program->classes.count - 1});
}

static void emit_literal(struct regex_program *program, const struct regex_node *node)
{
    struct arena *arena;

    if (!node->fold) {
        emit(program, (struct instruction){.opcode = OP_CHARACTER, .low = node->code_point, .high = node->code_point});
        return;
    }
    arena = arena_new(512);
    struct regex_class *set = regex_class_new(arena);
    regex_class_add(set, node->code_point, node->code_point);
    regex_class_fold(set);
    emit_class(program, set);
    arena_free(arena);
}

static void emit_node(struct regex_program *program, const struct regex_node *node);

static void emit_alternate(struct regex_program *program, const struct regex_node *node)
{
    VECTOR(size_t) jumps = {0};

    for (const struct regex_node *child = node->first; child && !program->too_large; child = child->next) {
        if (!child->next) {
            emit_node(program, child);
            break;
        }
        size_t split = emit(program, (struct instruction){.opcode = OP_SPLIT});
        emit_node(program, child);
        VECTOR_PUSH(&jumps, emit(program, (struct instruction){.opcode = OP_JUMP}));
        aim(program, split);
    }
    for (size_t i = 0; i < jumps.count; i++)
        aim(program, jumps.items[i]);
    VECTOR_FREE(&jumps);
}

static void emit_repeat(struct regex_program *program, const struct regex_node *node)
{
    VECTOR(size_t) splits = {0};

    for (int i = 0; i < node->minimum && !program->too_large; i++)
        emit_node(program, node->first);
    if (node->maximum == REGEX_NO_MAXIMUM) {
        size_t loop = emit(program, (struct instruction){.opcode = OP_SPLIT});
        emit_node(program, node->first);
        emit(program, (struct instruction){.opcode = OP_JUMP, .target = (uint32_t)loop});
        VECTOR_PUSH(&splits, loop);
    }
    for (int i = node->minimum; i < node->maximum && !program->too_large; i++) {
        VECTOR_PUSH(&splits, emit(program, (struct instruction){.opcode = OP_SPLIT}));
        emit_node(program, node->first);
    }
    for (size_t i = 0; i < splits.count; i++)
        aim(program, splits.items[i]);
    VECTOR_FREE(&splits);
}

static void emit_node(struct regex_program *program, const struct regex_node *node)
{
    switch (node->kind) {
    case REGEX_LITERAL: emit_literal(program, node); break;
    case REGEX_CLASS: emit_class(program, node->class); break;
    case REGEX_ANY: emit(program, (struct instruction){.opcode = OP_CHARACTER, .high = REGEX_LAST_CODE_POINT}); break;
    case REGEX_ANY_BUT_NEWLINE: {
        struct code_range ranges[] = {{0, '\n' - 1}, {'\n' + 1, REGEX_LAST_CODE_POINT}};
        emit_class(program, &(struct regex_class){.ranges = ranges, .count = 2});
        break;
    }
    case REGEX_ALTERNATE: emit_alternate(program, node); break;
    case REGEX_REPEAT: emit_repeat(program, node); break;
    case REGEX_CAPTURE:
    case REGEX_CONCAT:
        for (const struct regex_node *child = node->first; child && !program->too_large; child = child->next)
            emit_node(program, child);
        break;
    default: emit(program, (struct instruction){.opcode = OP_ASSERT, .low = (uint32_t)node->kind}); break;
    }
}

/* --- a set of threads ----------------------------------------------------------------------------------------------------------- */

/* Instructions that wait for the next character, each once: `place` tells in constant time whether one is there, and needs no clearing
 * (Briggs and Torczon's sparse set). */
struct thread_set {
    uint32_t *items;
    uint32_t *place;
    size_t count;
};

struct regex_threads {
    struct thread_set now;
    struct thread_set next;
    uint32_t *stack;
    size_t capacity;
};

struct regex_threads *regex_threads_new(void)
{
    return xcalloc(1, sizeof(struct regex_threads));
}

static void threads_clear(struct regex_threads *threads)
{
    free(threads->now.items);
    free(threads->now.place);
    free(threads->next.items);
    free(threads->next.place);
    free(threads->stack);
}

void regex_threads_free(struct regex_threads *threads)
{
    if (!threads)
        return;
    threads_clear(threads);
    free(threads);
}

static void threads_reserve(struct regex_threads *threads, size_t instructions)
{
    if (threads->capacity < instructions) {
        threads_clear(threads);
        threads->now.items = xcalloc(instructions, sizeof(uint32_t));
        threads->now.place = xcalloc(instructions, sizeof(uint32_t));
        threads->next.items = xcalloc(instructions, sizeof(uint32_t));
        threads->next.place = xcalloc(instructions, sizeof(uint32_t));
        threads->stack = xcalloc(instructions + 1, sizeof(uint32_t));
        threads->capacity = instructions;
    }
    threads->now.count = 0;
    threads->next.count = 0;
}

static bool set_add(struct thread_set *set, uint32_t item)
{
    uint32_t place = set->place[item];

    if (place < set->count && set->items[place] == item)
        return false;
    set->place[item] = (uint32_t)set->count;
    set->items[set->count++] = item;
    return true;
}

/* --- running it ------------------------------------------------------------------------------------------------------------------- */

/* Where a run stands: between two characters. */
struct place {
    bool is_outline; /* of a text whose characters are not known: before and after say nothing */
    bool at_begin;
    bool at_end;     /* is_outline: it may be */
    uint32_t before;
    uint32_t after;
};

static bool is_word(uint32_t character)
{
    return (character >= '0' && character <= '9') || (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z') ||
           character == '_';
}

static bool holds(enum regex_kind assertion, const struct place *place)
{
    bool word_before = !place->at_begin && is_word(place->before), word_after = !place->at_end && is_word(place->after);

    if (place->is_outline && assertion != REGEX_BEGIN_TEXT && assertion != REGEX_END_TEXT)
        return true;
    switch (assertion) {
    case REGEX_BEGIN_TEXT: return place->at_begin;
    case REGEX_END_TEXT: return place->at_end;
    case REGEX_BEGIN_LINE: return place->at_begin || place->before == '\n';
    case REGEX_END_LINE: return place->at_end || place->after == '\n';
    case REGEX_WORD_BOUNDARY: return word_before != word_after;
    default: return word_before == word_after;
    }
}

/* Adds the instruction and all that it leads to without a character (place NULL: as if every assertion held). True when that is a match.
 * The stack cannot overflow: an instruction is pushed only when it is new to the set. */
static bool add_thread(const struct regex_program *program, struct thread_set *set, uint32_t *stack, uint32_t start, const struct place *place)
{
    size_t depth = 0;
    bool match = false;

    if (set_add(set, start))
        stack[depth++] = start;
    while (depth) {
        uint32_t at = stack[--depth];
        const struct instruction *instruction = &program->code.items[at];
        switch (instruction->opcode) {
        case OP_MATCH: match = true; break;
        case OP_SPLIT:
            if (set_add(set, instruction->target))
                stack[depth++] = instruction->target;
            if (set_add(set, at + 1))
                stack[depth++] = at + 1;
            break;
        case OP_JUMP:
            if (set_add(set, instruction->target))
                stack[depth++] = instruction->target;
            break;
        case OP_ASSERT:
            if ((!place || holds((enum regex_kind)instruction->low, place)) && set_add(set, at + 1))
                stack[depth++] = at + 1;
            break;
        default: break;
        }
    }
    return match;
}

static bool takes(const struct regex_program *program, const struct instruction *instruction, uint32_t character)
{
    if (instruction->opcode == OP_CHARACTER)
        return character >= instruction->low && character <= instruction->high;
    if (instruction->opcode != OP_CLASS)
        return false;
    const struct program_class *class = &program->classes.items[instruction->target];
    if (character < 0x80)
        return class->ascii[character / 64] >> character % 64 & 1;
    return regex_class_has(&class->set, character);
}

/* The place at an offset; *length is that of the character behind it. */
static struct place look(struct slice text, size_t at, uint32_t before, size_t *length)
{
    struct place place = {.at_begin = at == 0, .at_end = at >= text.length, .before = before};

    *length = 1;
    if (place.at_end)
        return place;
    place.after = (unsigned char)text.bytes[at];
    if (place.after >= 0x80)
        *length = utf8_decode(slice_from(text, at), &place.after);
    return place;
}

/* All threads take the character; those that can stand in `next`. True when one of them is at the match. */
static bool step(const struct regex_program *program, struct regex_threads *threads, uint32_t character, const struct place *after)
{
    bool match = false;

    threads->next.count = 0;
    for (size_t i = 0; i < threads->now.count; i++) {
        uint32_t at = threads->now.items[i];
        if (takes(program, &program->code.items[at], character))
            match = add_thread(program, &threads->next, threads->stack, at + 1, after) || match;
    }
    struct thread_set done = threads->now;
    threads->now = threads->next;
    threads->next = done;
    return match;
}

/* The next place where a match can begin. */
static size_t skip(const struct regex_program *program, struct slice text, size_t at)
{
    while (at < text.length) {
        unsigned char byte = (unsigned char)text.bytes[at];
        if (byte >= 0x80 || program->first[byte / 64] >> byte % 64 & 1)
            break;
        at++;
    }
    return at;
}

enum truth regex_program_search(const struct regex_program *program, struct regex_threads *threads, struct slice text, uint64_t step_limit)
{
    uint64_t steps = 0;
    size_t at = 0, length;
    struct place place = look(text, at, 0, &length);

    threads_reserve(threads, program->code.count);
    for (;;) {
        size_t start = threads->now.count == 0 && program->can_skip ? skip(program, text, at) : at;
        if (start > at) /* only ASCII is skipped, so the byte before is a character */
            place = look(text, start, (unsigned char)text.bytes[start - 1], &length);
        at = start;
        if ((at == 0 || !program->is_anchored) && add_thread(program, &threads->now, threads->stack, 0, &place))
            return TRUTH_TRUE;
        if (place.at_end || threads->now.count == 0)
            return TRUTH_FALSE;
        steps += threads->now.count;
        if (steps > step_limit)
            return TRUTH_UNKNOWN;
        uint32_t character = place.after;
        at += length;
        place = look(text, at, character, &length);
        if (step(program, threads, character, &place))
            return TRUTH_TRUE;
    }
}

/* --- over an outline ---------------------------------------------------------------------------------------------------------------- */

/* A run over the parts of an outline: `now` holds every thread that some text of the parts so far leads to. */
struct outline_run {
    const struct regex_program *program;
    struct regex_threads *threads;
    struct place place;
    bool found;
};

static bool takes_any(const struct regex_program *program, const struct instruction *instruction, enum regex_outline_kind kind)
{
    if (kind == REGEX_OUTLINE_SLASHES)
        return takes(program, instruction, '/');
    if (instruction->opcode == OP_CHARACTER)
        return kind == REGEX_OUTLINE_ANYTHING || instruction->low != '/' || instruction->high != '/';
    if (instruction->opcode != OP_CLASS)
        return false;
    const struct regex_class *set = &program->classes.items[instruction->target].set;
    return set->count > 0 && (kind == REGEX_OUTLINE_ANYTHING || set->count > 1 || set->ranges[0].low != '/' || set->ranges[0].high != '/');
}

static void add_to(struct outline_run *run, struct thread_set *set, uint32_t start)
{
    run->found = add_thread(run->program, set, run->threads->stack, start, &run->place) || run->found;
}

static void outline_text(struct outline_run *run, struct slice text, bool may_end_behind)
{
    for (size_t at = 0, length; at < text.length && !run->found; at += length) {
        struct place here = look(text, at, 0, &length);
        run->place = (struct place){.is_outline = true, .at_end = may_end_behind && at + length >= text.length};
        run->found = step(run->program, run->threads, here.after, &run->place) || run->found;
        add_to(run, &run->threads->now, 0);
    }
}

/* One character of the kind; `now` is what stands behind it. */
static void outline_one(struct outline_run *run, enum regex_outline_kind kind)
{
    struct thread_set *next = &run->threads->next;

    next->count = 0;
    for (size_t i = 0; i < run->threads->now.count; i++) {
        uint32_t at = run->threads->now.items[i];
        if (takes_any(run->program, &run->program->code.items[at], kind))
            add_to(run, next, at + 1);
    }
    add_to(run, next, 0);
    struct thread_set done = run->threads->now;
    run->threads->now = *next;
    run->threads->next = done;
}

/* Any number of characters of the kind: the set grows while it is walked. */
static void outline_many(struct outline_run *run, enum regex_outline_kind kind)
{
    struct thread_set *now = &run->threads->now;

    add_to(run, now, 0);
    for (size_t i = 0; i < now->count && !run->found; i++)
        if (takes_any(run->program, &run->program->code.items[now->items[i]], kind))
            add_to(run, now, now->items[i] + 1);
}

static bool may_be_empty(const struct regex_outline *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (parts[i].kind == REGEX_OUTLINE_SEGMENT || (parts[i].kind == REGEX_OUTLINE_TEXT && parts[i].text.length))
            return false;
    return true;
}

bool regex_program_may_match(const struct regex_program *program, struct regex_threads *threads, const struct regex_outline *parts, size_t count)
{
    struct outline_run run = {program, threads, {.is_outline = true, .at_begin = true, .at_end = may_be_empty(parts, count)}, false};

    threads_reserve(threads, program->code.count);
    add_to(&run, &threads->now, 0);
    for (size_t i = 0; i < count && !run.found; i++) {
        bool may_end = may_be_empty(parts + i + 1, count - i - 1);
        if (parts[i].kind == REGEX_OUTLINE_TEXT) {
            outline_text(&run, parts[i].text, may_end);
            continue;
        }
        run.place = (struct place){.is_outline = true, .at_end = may_end};
        if (parts[i].kind == REGEX_OUTLINE_SEGMENT)
            outline_one(&run, parts[i].kind);
        outline_many(&run, parts[i].kind);
    }
    return run.found;
}

/* --- what is known before it runs ------------------------------------------------------------------------------------------------- */

static bool starts_at_text(const struct regex_node *node)
{
    switch (node->kind) {
    case REGEX_BEGIN_TEXT: return true;
    case REGEX_CAPTURE: return starts_at_text(node->first);
    case REGEX_CONCAT: return node->first && starts_at_text(node->first);
    case REGEX_ALTERNATE:
        for (const struct regex_node *child = node->first; child; child = child->next) {
            if (!starts_at_text(child))
                return false;
        }
        return true;
    default: return false;
    }
}

static void find_first(struct regex_program *program)
{
    struct regex_threads *threads = regex_threads_new();

    threads_reserve(threads, program->code.count);
    program->can_skip = !add_thread(program, &threads->now, threads->stack, 0, NULL);
    for (size_t i = 0; i < threads->now.count; i++) {
        const struct instruction *instruction = &program->code.items[threads->now.items[i]];
        for (uint32_t character = 0; character < 0x80; character++) {
            if (takes(program, instruction, character))
                program->first[character / 64] |= UINT64_C(1) << character % 64;
        }
    }
    regex_threads_free(threads);
}

struct regex_program *regex_program_new(const struct regex_node *root)
{
    struct regex_program *program = xcalloc(1, sizeof *program);

    emit_node(program, root);
    emit(program, (struct instruction){.opcode = OP_MATCH});
    if (program->too_large) {
        regex_program_free(program);
        return NULL;
    }
    program->is_anchored = starts_at_text(root);
    find_first(program);
    return program;
}

void regex_program_free(struct regex_program *program)
{
    if (!program)
        return;
    for (size_t i = 0; i < program->classes.count; i++)
        free(program->classes.items[i].set.ranges);
    VECTOR_FREE(&program->classes);
    VECTOR_FREE(&program->code);
    free(program);
}
